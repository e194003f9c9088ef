-- Ends a time off. It gives the doctor a new version.
--
-- Locks: the key, the doctor, the time off.
-- Refusals: KEY_REUSED, TIME_OFF_NOT_FOUND.
create function delete_time_off(context request_context, p_id bigint)
returns setof time_off_outcome language plpgsql as $$
declare
    result time_off_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    -- The doctor's row first: time off is only ever made and ended under its lock.
    update clinic.doctor set version = version + 1
    where id = (select doctor_id from time_off_view where time_off_view.id = p_id);
    select * into result from time_off_view where id = p_id;
    if not found then
        return query select 'TIME_OFF_NOT_FOUND', array['time_off_id', p_id::text], result;
        return;
    end if;

    update clinic.time_off set deleted_at = clock_timestamp() where id = p_id;
    return query select * from complete_mutation(
        context, 'time_off', p_id, null, result.doctor_id,
        jsonb_build_object('deleted', true, 'doctor_id', result.doctor_id), result);
end
$$;
