-- Makes a department.
--
-- Locks: the key.
-- Refusals: KEY_REUSED, DEPARTMENT_NAME_TAKEN.
create function create_department(
    context request_context, p_name text, p_name_key text, p_opens bigint, p_closes bigint, p_today date)
returns setof department_outcome language plpgsql as $$
declare
    made bigint;
    result department_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    insert into clinic.department (name, name_key, opens, closes, created_date, last_update)
    values (p_name, p_name_key, p_opens, p_closes, p_today, p_today)
    on conflict (name_key) where deleted_at is null do nothing
    returning id into made;
    if made is null then
        return query select 'DEPARTMENT_NAME_TAKEN', null::text[], result;
        return;
    end if;

    select * into result from department_view where id = made;
    return query select * from complete_mutation(context, 'department', made, null, null, '{"created": true}', result);
end
$$;
