-- Replaces a department that is at p_version. If it is the same already, nothing is changed.
--
-- Locks: the key, the department.
-- Refusals: KEY_REUSED, STALE_VERSION, OUTSIDE_DEPARTMENT_HOURS with the doctor whose week the new hours would cut,
-- DEPARTMENT_NAME_TAKEN.
create function update_department(
    context request_context, p_id bigint, p_version bigint, p_name text, p_name_key text, p_opens bigint,
    p_closes bigint, p_today date)
returns setof department_outcome language plpgsql as $$
declare
    old clinic.department;
    outside bigint;
    result department_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    select * into old from clinic.department
    where id = p_id and version = p_version and deleted_at is null for no key update;
    if not found then
        return query select 'STALE_VERSION', null::text[], result;
        return;
    elsif (old.name, old.name_key, old.opens, old.closes) = (p_name, p_name_key, p_opens, p_closes) then
        return query select null::text, null::text[], unchanged from department_view as unchanged where id = p_id;
        return;
    elsif p_opens > old.opens or p_closes < old.closes then
        select min(id) into outside from clinic.doctor
        where department_id = p_id and deleted_at is null and not is_within_hours(weekly_hours, p_opens, p_closes);
        if outside is not null then
            return query select 'OUTSIDE_DEPARTMENT_HOURS', array['doctor_id', outside::text], result;
            return;
        end if;
    end if;
    begin
        update clinic.department
        set name = p_name, name_key = p_name_key, opens = p_opens, closes = p_closes, last_update = p_today,
            version = version + 1
        where id = p_id;
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
