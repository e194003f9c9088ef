-- Moves a booking from one of p_from to p_status, and hides it if p_hide. A time condition that does not apply is null: the
-- booking has to start after p_starts_after, at or before p_starts_by; it is refunded when it starts at or after p_refund_from.
-- An expired hold is EXPIRED, and nothing more becomes of it. p_owner is null for the staff; p_version null means any.
--
-- Locks: the key, the booking (no key update), its live payment (update).
-- Refusals: KEY_REUSED, BOOKING_NOT_FOUND, STALE_ETAG, INVALID_TRANSITION with both statuses, ALREADY_STARTED, NOT_STARTED.
create function update_booking_status(
    context request_context, p_id bigint, p_owner bigint, p_version bigint, p_status text, p_from text[],
    p_starts_after timestamptz, p_starts_by timestamptz, p_refund_from timestamptz, p_hide boolean)
returns setof booking_outcome language plpgsql as $$
declare
    old clinic.booking;
    result booking_view;
    refunded bigint;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    select * into old from clinic.booking
    where id = p_id and is_visible_to(booking, p_owner)
    for no key update;
    if not found then
        return query select 'BOOKING_NOT_FOUND', null::text[], result;
        return;
    end if;
    if old.status = 'HELD' and old.hold_expires_at <= clock_timestamp() then
        old.status := 'EXPIRED';
    end if;
    if old.status = p_status and not p_hide then
        return query select null::text, null::text[], unchanged
        from booking_view as unchanged where id = p_id;
        return;
    end if;
    if p_version is not null and old.version <> p_version then
        return query select 'STALE_ETAG', null::text[], result;
        return;
    end if;
    if old.status <> p_status then
        if old.status <> all (p_from) then
            return query select 'INVALID_TRANSITION', array['from', old.status, 'to', p_status], result;
            return;
        elsif old.start_time <= p_starts_after then
            return query select 'ALREADY_STARTED', null::text[], result;
            return;
        elsif old.start_time > p_starts_by then
            return query select 'NOT_STARTED', null::text[], result;
            return;
        end if;
        if old.start_time >= p_refund_from then
            refunded := reverse_payment(p_id, 'REFUND', 'REFUNDED');
        end if;
    end if;

    update clinic.booking set status = p_status, version = version + 1 where id = p_id;
    select * into result from booking_view where id = p_id;
    if p_hide then
        update clinic.booking set hidden_at = clock_timestamp() where id = p_id;
    end if;
    return query select * from complete_mutation(
        context, 'booking', p_id, old.user_id, old.doctor_id,
        jsonb_strip_nulls(jsonb_build_object('from', old.status, 'status', p_status, 'hidden', p_hide,
            'refunded_transaction_id', refunded)),
        result);
end
$$;
