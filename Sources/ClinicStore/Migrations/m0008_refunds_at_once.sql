-- Many refunds of one payment at once.

-- Gives these parts back. p_status is where the transaction stands afterwards; a booking in p_cancelled_from is cancelled
-- with it, which frees its slot; a part of a payment cancels none.
--
-- Without p_version the parts are right on any balance into which they fit and of which they leave something: refunds at
-- once then come one after the other instead of deciding again after each. With it they are right on that version only.
create or replace function clinic.refund_transaction(
    origin clinic.origin, p_id bigint, p_version bigint, p_fee bigint, p_gst bigint, p_status text,
    p_cancelled_from text[])
returns setof clinic.transaction_outcome language plpgsql as $$
declare
    old clinic.transaction;
    answer clinic.transaction_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    old := clinic.lock_transaction(p_id);
    if old.id is null then
        return query select 'TRANSACTION_NOT_FOUND', null::text[], answer;
        return;
    elsif old.version <> p_version
        or p_version is null and (
            old.status not in ('PAID', 'PARTIALLY_REFUNDED')
            or p_fee > old.fee - (old.refunded_amount - old.refunded_gst)
            or p_gst > old.gst - old.refunded_gst
            or p_fee + p_gst >= old.total_fee - old.refunded_amount) then
        return query select 'STALE_VERSION', null::text[], answer;
        return;
    end if;

    perform clinic.post(p_id, 'REFUND', -p_fee, -p_gst);
    update clinic.transaction
    set refunded_amount = refunded_amount + p_fee + p_gst, refunded_gst = refunded_gst + p_gst, status = p_status,
        version = version + 1
    where id = p_id;
    update clinic.booking
    set status = case when status = any (p_cancelled_from) then 'CANCELLED' else status end, version = version + 1
    where id = old.booking_id;

    select * into answer from clinic.transaction_answer where id = p_id;
    return query select * from clinic.record(
        origin, 'transaction', p_id,
        jsonb_build_object('from', old.status, 'status', p_status, 'booking_id', old.booking_id,
            'refunded', p_fee + p_gst),
        answer);
end
$$;
