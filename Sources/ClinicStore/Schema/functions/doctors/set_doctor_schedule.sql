-- Replaces the weekly hours of a doctor, which were decided on by these versions of doctor and department. If they are the same
-- already, nothing is changed.
--
-- Locks: the key, the department (share), the doctor.
-- Refusals: KEY_REUSED, STALE_VERSION.
create function set_doctor_schedule(
    context request_context, p_id bigint, p_version bigint, p_department_version bigint, p_weekly_hours bigint[])
returns setof doctor_outcome language plpgsql as $$
declare
    result doctor_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    perform 1 from clinic.department
    where id = (select department_id from clinic.doctor where id = p_id) and version = p_department_version
        and deleted_at is null
    for share;
    if found and exists (
        select from clinic.doctor
        where id = p_id and version = p_version and deleted_at is null and weekly_hours = p_weekly_hours) then
        return query select null::text, null::text[], unchanged from doctor_view as unchanged where id = p_id;
        return;
    elsif found then
        update clinic.doctor set weekly_hours = p_weekly_hours, version = version + 1
        where id = p_id and version = p_version and deleted_at is null;
    end if;
    if not found then
        return query select 'STALE_VERSION', null::text[], result;
        return;
    end if;

    select * into result from doctor_view where id = p_id;
    return query select * from complete_mutation(
        context, 'doctor', p_id, null, p_id, jsonb_build_object('weekly_hours', p_weekly_hours), result);
end
$$;
