-- Makes a time off. It gives the doctor a new version: who decided on an appointment before it has to decide again.
--
-- Locks: the key, the doctor.
-- Refusals: KEY_REUSED, DOCTOR_NOT_FOUND.
create function create_time_off(
    context request_context, p_doctor bigint, p_start timestamptz, p_end timestamptz)
returns setof time_off_outcome language plpgsql as $$
declare
    made bigint;
    result time_off_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    update clinic.doctor set version = version + 1 where id = p_doctor and deleted_at is null;
    if not found then
        return query select 'DOCTOR_NOT_FOUND', array['doctor_id', p_doctor::text], result;
        return;
    end if;
    insert into clinic.time_off (doctor_id, start_time, end_time) values (p_doctor, p_start, p_end)
    returning id into made;

    select * into result from time_off_view where id = made;
    return query select * from complete_mutation(
        context, 'time_off', made, null, p_doctor,
        jsonb_build_object('doctor_id', p_doctor, 'start_time', p_start, 'end_time', p_end), result);
end
$$;
