-- Replaces a doctor who is at p_version. If everything is the same already, nothing is changed.
--
-- Locks: the key, the department (share), the doctor.
-- Refusals: KEY_REUSED, DEPARTMENT_NOT_FOUND, STALE_VERSION, OUTSIDE_DEPARTMENT_HOURS when another department would cut the
-- doctor's week, REGISTRATION_NUMBER_TAKEN.
create function update_doctor(
    context request_context, p_id bigint, p_version bigint, p_department bigint, p_full_name text,
    p_registration_number text, p_registration_expiry date, p_fee bigint, p_slot_minutes bigint, p_gst_free boolean)
returns setof doctor_outcome language plpgsql as $$
declare
    old clinic.doctor;
    home clinic.department;
    result doctor_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    select * into home from clinic.department where id = p_department and deleted_at is null and is_current(settings_version)
    for share;
    if not found then
        return query select 'DEPARTMENT_NOT_FOUND', array['department_id', p_department::text], result;
        return;
    end if;
    select * into old from clinic.doctor
    where id = p_id and version = p_version and deleted_at is null for no key update;
    if not found then
        return query select 'STALE_VERSION', null::text[], result;
        return;
    elsif (old.department_id, old.full_name, old.registration_number, old.registration_expiry, old.fee,
            old.slot_minutes, old.gst_free)
        = (p_department, p_full_name, p_registration_number, p_registration_expiry, p_fee, p_slot_minutes, p_gst_free)
    then
        return query select null::text, null::text[], unchanged from doctor_view as unchanged where id = p_id;
        return;
    elsif old.department_id <> p_department and not is_within_hours(old.weekly_hours, home.opens, home.closes) then
        return query select 'OUTSIDE_DEPARTMENT_HOURS', array['doctor_id', p_id::text], result;
        return;
    end if;
    begin
        update clinic.doctor
        set department_id = p_department, full_name = p_full_name, registration_number = p_registration_number,
            registration_expiry = p_registration_expiry, fee = p_fee, slot_minutes = p_slot_minutes,
            gst_free = p_gst_free, version = version + 1
        where id = p_id;
    exception when unique_violation then
        return query select 'REGISTRATION_NUMBER_TAKEN', null::text[], result;
        return;
    end;

    select * into result from doctor_view where id = p_id;
    return query select * from complete_mutation(
        context, 'doctor', p_id, null, p_id,
        jsonb_build_object('department_id', p_department, 'fee', p_fee, 'slot_minutes', p_slot_minutes,
            'gst_free', p_gst_free, 'registration_expiry', p_registration_expiry),
        result);
end
$$;
