-- Deletes a doctor. p_force is empty, or the statuses in which future bookings are cancelled with it. A booking share-locks its
-- doctor, so none can slip in between the count and the deletion. If p_is_preview, nothing is changed.
--
-- Locks: the key, the doctor (update), the bookings by number and their payments.
-- Refusals: KEY_REUSED, DOCTOR_NOT_FOUND, HAS_DEPENDANTS with the count.
create function delete_doctor(context request_context, p_id bigint, p_now timestamptz, p_force text[], p_is_preview boolean)
returns setof cancellation_outcome language plpgsql as $$
declare
    bookings bigint;
    result cancellations := row(0, 0);
begin
    return query select * from replay(context, result);
    if found then return; end if;

    perform 1 from clinic.doctor where id = p_id and deleted_at is null for update;
    if not found then
        return query select 'DOCTOR_NOT_FOUND', array['doctor_id', p_id::text], result;
        return;
    end if;

    if cardinality(p_force) = 0 then
        select count(*) into bookings from clinic.booking
        where doctor_id = p_id and start_time > p_now and hidden_at is null
            and occupies_time_now(status, hold_expires_at, completed_at, end_time);
        if bookings > 0 then
            return query select 'HAS_DEPENDANTS', array['future_bookings', bookings::text], result;
            return;
        end if;
    else
        result := cancel_future_bookings(context, p_id, null, p_now, p_force, 0, p_is_preview);
    end if;
    if p_is_preview then
        return query select null::text, null::text[], result;
        return;
    end if;

    update clinic.doctor set deleted_at = clock_timestamp(), version = version + 1 where id = p_id;
    return query select * from complete_mutation(
        context, 'doctor', p_id, null, p_id, jsonb_strip_nulls(jsonb_build_object('deleted', true,
            'cancelled', case when cardinality(p_force) > 0 then result.bookings end)), result);
end
$$;
