-- Moves a booking from one of p_from to p_status, and hides it if p_hide. A condition that does not apply is null: the booking
-- has to start between p_starts_from and p_starts_by, and to be paid or not as p_is_paid says. A booking that has ended without
-- a visit is only hidden.
--
-- p_cancelled_at is when it is cancelled, if it is. Patients, members of the staff among them, cancel their own bookings before
-- the start, and are refunded until the deadline (refund_deadline); what the clinic cancels is refunded.
--
-- p_owner is null for the staff; p_version null means any.
--
-- Locks: the key, the booking (no key update), its live payment (update).
-- Refusals: KEY_REUSED, BOOKING_NOT_FOUND, STALE_ETAG, INVALID_TRANSITION with both statuses and, if the booking is paid and the
-- new status says it is not, or the other way round, with the status that it may have instead; ALREADY_STARTED, NOT_STARTED,
-- WRONG_DAY.
create function update_booking_status(
    context request_context, p_id bigint, p_owner bigint, p_version bigint, p_status text, p_from text[],
    p_starts_from timestamptz, p_starts_by timestamptz, p_is_paid boolean, p_cancelled_at timestamptz,
    p_refund_seconds bigint, p_hide boolean)
returns setof booking_outcome language plpgsql as $$
declare
    old clinic.booking;
    is_own boolean;
    new_status text := p_status;
    refunded clinic.transaction;
    result booking_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    select * into old from clinic.booking
    where id = p_id and is_visible_to(booking, p_owner)
    for no key update;
    if not found then
        return query select 'BOOKING_NOT_FOUND', array['booking_id', p_id::text], result;
        return;
    elsif old.version <> p_version then
        return query select 'STALE_ETAG', null::text[], result;
        return;
    end if;
    old.status := status_now(old.status, old.hold_expires_at);
    if p_hide and old.status in ('CANCELLED', 'EXPIRED') then
        new_status := old.status;
    elsif old.status = p_status then
        return query select null::text, null::text[], unchanged
        from booking_view as unchanged where id = p_id;
        return;
    end if;
    if old.status <> new_status then
        is_own := old.user_id is not distinct from context.actor;
        if old.status <> all (p_from) then
            return query select 'INVALID_TRANSITION', array['from', old.status, 'to', p_status], result;
            return;
        elsif p_is_paid <> exists (
            select from clinic.transaction where booking_id = p_id and clinic.is_live_payment(status)) then
            return query select 'INVALID_TRANSITION', array['from', old.status, 'to', p_status, 'instead',
                case when p_is_paid then 'BOOKED' else 'CONFIRMED' end], result;
            return;
        elsif is_own and old.start_time <= p_cancelled_at then
            return query select 'ALREADY_STARTED', null::text[], result;
            return;
        elsif p_starts_from is not null and old.start_time not between p_starts_from and p_starts_by then
            return query select 'WRONG_DAY', null::text[], result;
            return;
        elsif old.start_time > p_starts_by then
            return query select 'NOT_STARTED', null::text[], result;
            return;
        end if;
        if p_cancelled_at is not null and (not is_own or p_cancelled_at <= refund_deadline(old, p_refund_seconds)) then
            refunded := reverse_payment(p_id, 'REFUND', 'REFUNDED');
        end if;
    end if;

    update clinic.booking
    set status = new_status, completed_at = case new_status when 'COMPLETED' then clock_timestamp() end,
        version = version + 1
    where id = p_id;
    select * into result from booking_view where id = p_id;
    if p_hide then
        update clinic.booking set hidden_at = clock_timestamp() where id = p_id;
    end if;
    return query select * from complete_mutation(
        context, 'booking', p_id, old.user_id, old.doctor_id,
        jsonb_strip_nulls(jsonb_build_object('from', old.status, 'status', new_status, 'hidden', p_hide,
            'refunded_transaction_id', refunded.id)),
        result);
end
$$;
