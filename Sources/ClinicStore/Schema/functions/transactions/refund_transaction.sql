-- Gives these parts back. p_status is the transaction's status afterwards; a booking in p_cancelled_from is cancelled with it,
-- which frees its slot. A partial refund cancels none.
--
-- With p_version the parts are right on that version only. Without it they are right on any balance into which they fit and of
-- which they leave something: concurrent refunds then come one after the other instead of deciding again after each.
--
-- Locks: the key, the booking (no key update), the transaction (update).
-- Refusals: KEY_REUSED, TRANSACTION_NOT_FOUND, STALE_VERSION.
create function refund_transaction(
    context request_context, p_id bigint, p_version bigint, p_fee bigint, p_gst bigint, p_status text,
    p_cancelled_from text[])
returns setof transaction_outcome language plpgsql as $$
declare
    old clinic.transaction;
    doctor bigint;
    result transaction_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    old := lock_transaction(p_id);
    if old.id is null then
        return query select 'TRANSACTION_NOT_FOUND', array['transaction_id', p_id::text], result;
        return;
    elsif old.version <> p_version
        or p_version is null and (
            not is_refundable(old.status)
            or p_fee > old.fee - (old.refunded_amount - old.refunded_gst)
            or p_gst > old.gst - old.refunded_gst
            or p_fee + p_gst >= old.total_fee - old.refunded_amount) then
        return query select 'STALE_VERSION', null::text[], result;
        return;
    end if;

    perform post_journal(array[p_id], 'REFUND', array[-p_fee], array[-p_gst]);
    update clinic.transaction
    set refunded_amount = refunded_amount + p_fee + p_gst, refunded_gst = refunded_gst + p_gst, status = p_status,
        version = version + 1
    where id = p_id;
    update clinic.booking
    set status = case when status = any (p_cancelled_from) then 'CANCELLED' else status end, version = version + 1
    where id = old.booking_id
    returning doctor_id into doctor;

    select * into result from transaction_view where id = p_id;
    return query select * from complete_mutation(
        context, 'transaction', p_id, old.user_id, doctor,
        jsonb_build_object('from', old.status, 'status', p_status, 'booking_id', old.booking_id,
            'refunded', p_fee + p_gst),
        result);
end
$$;
