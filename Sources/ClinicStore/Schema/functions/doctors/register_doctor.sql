-- Registers a doctor.
--
-- Locks: the key, the department (share).
-- Refusals: KEY_REUSED, DEPARTMENT_NOT_FOUND, REGISTRATION_NUMBER_TAKEN.
create function register_doctor(
    context request_context, p_department bigint, p_full_name text, p_registration_number text,
    p_registration_expiry date, p_fee bigint, p_slot_minutes bigint, p_gst_free boolean)
returns setof doctor_outcome language plpgsql as $$
declare
    made bigint;
    result doctor_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    perform 1 from clinic.department where id = p_department and deleted_at is null and is_current(settings_version)
    for share;
    if not found then
        return query select 'DEPARTMENT_NOT_FOUND', array['department_id', p_department::text], result;
        return;
    end if;
    insert into clinic.doctor (department_id, full_name, registration_number, registration_expiry, fee,
        slot_minutes, gst_free)
    values (p_department, p_full_name, p_registration_number, p_registration_expiry, p_fee, p_slot_minutes,
        p_gst_free)
    on conflict (registration_number) where deleted_at is null do nothing
    returning id into made;
    if made is null then
        return query select 'REGISTRATION_NUMBER_TAKEN', null::text[], result;
        return;
    end if;

    select * into result from doctor_view where id = made;
    return query select * from complete_mutation(context, 'doctor', made, null, made, '{"created": true}', result);
end
$$;
