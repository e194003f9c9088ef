-- Replaces a department that is at p_version; where it is like that already nothing is written.
--
-- Locks: the key, the department.
-- Refusals: KEY_REUSED, STALE_VERSION, DEPARTMENT_NAME_TAKEN.
create function update_department(
    context request_context, p_id bigint, p_version bigint, p_name text, p_name_key text, p_opens bigint,
    p_closes bigint, p_today date)
returns setof department_outcome language plpgsql as $$
declare
    result department_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    return query select null::text, null::text[], unchanged
    from department_view as unchanged
    where id = (
        select id from clinic.department
        where id = p_id and version = p_version and deleted_at is null
            and (name, name_key, opens, closes) is not distinct from (p_name, p_name_key, p_opens, p_closes));
    if found then return; end if;

    begin
        update clinic.department
        set name = p_name, name_key = p_name_key, opens = p_opens, closes = p_closes, last_update = p_today,
            version = version + 1
        where id = p_id and version = p_version and deleted_at is null;
        if not found then
            return query select 'STALE_VERSION', null::text[], result;
            return;
        end if;
    exception when unique_violation then
        return query select 'DEPARTMENT_NAME_TAKEN', null::text[], result;
        return;
    end;

    select * into result from department_view where id = p_id;
    return query select * from complete_mutation(
        context, 'department', p_id, null, null,
        jsonb_build_object('name', p_name, 'opens', p_opens, 'closes', p_closes), result);
end
$$;
