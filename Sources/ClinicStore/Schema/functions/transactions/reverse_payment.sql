-- Gives back all that is left of the live payment of a locked booking. Returns the payment as it was before; nulls when there is
-- none.
--
-- Locks: the transaction (update).
create function reverse_payment(p_booking bigint, p_kind text, p_status text) returns clinic.transaction language plpgsql as $$
declare
    live clinic.transaction;
begin
    select * into live from clinic.transaction
    where booking_id = p_booking and is_refundable(status) for update;
    if not found then
        return live;
    end if;
    perform post_journal(array[live.id], p_kind,
        array[-(live.fee - (live.refunded_amount - live.refunded_gst))], array[-(live.gst - live.refunded_gst)]);
    update clinic.transaction
    set refunded_amount = total_fee, refunded_gst = gst, status = p_status, version = version + 1
    where id = live.id;
    return live;
end
$$;
