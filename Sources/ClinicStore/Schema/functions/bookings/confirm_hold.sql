-- Books what is held, unless the hold expired; again it has no effect. p_owner is whose booking it must be, null for the staff; p_version null means any.
--
-- Locks: the key, the booking (no key update).
-- Refusals: KEY_REUSED, BOOKING_NOT_FOUND, STALE_ETAG, HOLD_EXPIRED, INVALID_TRANSITION with both statuses.
create function confirm_hold(
    context request_context, p_id bigint, p_owner bigint, p_version bigint, p_status text, p_from text[])
returns setof booking_outcome language plpgsql as $$
declare
    old clinic.booking;
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
    elsif old.status = p_status and old.hold_expires_at is not null then
        return query select null::text, null::text[], unchanged
        from booking_view as unchanged where id = p_id;
        return;
    elsif status_now(old.status, old.hold_expires_at) = 'EXPIRED' then
        return query select 'HOLD_EXPIRED', array['from', 'EXPIRED', 'to', p_status], result;
        return;
    elsif old.status <> all (p_from) then
        return query select 'INVALID_TRANSITION', array['from', old.status, 'to', p_status], result;
        return;
    end if;

    update clinic.booking set status = p_status, version = version + 1 where id = p_id;
    select * into result from booking_view where id = p_id;
    return query select * from complete_mutation(
        context, 'booking', p_id, old.user_id, old.doctor_id,
        jsonb_build_object('from', old.status, 'status', p_status), result);
end
$$;
