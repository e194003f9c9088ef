-- Moves a booking to a time that was decided on by these versions of its doctor and department. It keeps its number, price and
-- payments, and where the new time is taken it keeps the old one. p_from are the statuses that may be moved.
--
-- p_refund_until is the deadline of a booking that is made for the new time; a move by the clinic sets it. Patients, members of the
-- staff among them, move their own bookings before the start (p_now), and never make the deadline later by it.
--
-- Locks: the key; department, doctor, patient, the booking and what is in the way of the new time (lock_group).
-- Refusals: KEY_REUSED, STALE_VERSION, BOOKING_NOT_FOUND, STALE_ETAG, INVALID_TRANSITION, ALREADY_STARTED, SLOT_TAKEN,
-- PATIENT_BUSY.
create function reschedule_booking(
    context request_context, p_id bigint, p_owner bigint, p_version bigint, p_doctor bigint, p_doctor_version bigint,
    p_department_version bigint, p_start timestamptz, p_end timestamptz, p_refund_until timestamptz, p_from text[],
    p_now timestamptz, p_refund_seconds bigint)
returns setof booking_outcome language plpgsql as $$
declare
    old clinic.booking;
    is_own boolean;
    refused text;
    moved boolean := false;
    result booking_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    perform lock_group(
        array[context.actor], array[context.key], array[p_doctor], array[null::bigint], array[p_start], array[p_end],
        array[p_id], array[p_owner], array[null::bigint]);
    if not are_at_versions(p_doctor, p_doctor_version, p_department_version) then
        return query select 'STALE_VERSION', null::text[], result;
        return;
    end if;
    select * into old from clinic.booking
    where id = p_id and is_visible_to(booking, p_owner) and doctor_id = p_doctor
    for no key update;
    if not found then
        return query select 'BOOKING_NOT_FOUND', array['booking_id', p_id::text], result;
        return;
    elsif old.version <> p_version then
        return query select 'STALE_ETAG', null::text[], result;
        return;
    elsif old.status <> all (p_from) then
        return query select 'INVALID_TRANSITION',
            array['from', status_now(old.status, old.hold_expires_at), 'to', p_from[1]], result;
        return;
    end if;
    is_own := old.user_id is not distinct from context.actor;
    if is_own and old.start_time <= p_now then
        return query select 'ALREADY_STARTED', null::text[], result;
        return;
    elsif old.start_time = p_start and old.end_time = p_end then
        return query select null::text, null::text[], unchanged
        from booking_view as unchanged where id = p_id;
        return;
    end if;

    -- What is there is looked at first; only a rival in flight is met by the constraint.
    for attempt in 1..3 loop
        refused := expire_conflicting_holds(p_doctor, old.user_id, tstzrange(p_start, p_end), p_id);
        exit when refused is not null;
        begin
            update clinic.booking set start_time = p_start, end_time = p_end, occupied = tstzrange(p_start, p_end),
                refund_until = case when is_own then least(refund_deadline(old, p_refund_seconds), p_refund_until)
                    else p_refund_until end,
                version = version + 1 where id = p_id;
            moved := true;
        exception when exclusion_violation then
            null;
        end;
        exit when moved;
    end loop;
    if not moved then
        return query select coalesce(refused, 'STALE_VERSION'), null::text[], result;
        return;
    end if;

    select * into result from booking_view where id = p_id;
    return query select * from complete_mutation(
        context, 'booking', p_id, old.user_id, old.doctor_id,
        jsonb_build_object('from_start_time', old.start_time, 'start_time', p_start, 'end_time', p_end), result);
end
$$;
