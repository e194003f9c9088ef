-- Cancels a locked booking and refunds what is left of its payment if p_refunds. An expired hold becomes EXPIRED and counts as
-- none. If p_is_preview, nothing is changed.
--
-- Locks: its live payment (update).
create function cancel_locked_booking(context request_context, old clinic.booking, p_refunds boolean, p_is_preview boolean)
returns cancellations language plpgsql as $$
declare
    refunded clinic.transaction;
begin
    if status_now(old.status, old.hold_expires_at) = 'EXPIRED' then
        if not p_is_preview then
            perform expire_hold(old);
        end if;
        return row(0, 0)::cancellations;
    elsif p_is_preview then
        return row(1, coalesce((
            select total_fee - refunded_amount from clinic.transaction
            where booking_id = old.id and is_refundable(status) and p_refunds), 0))::cancellations;
    elsif p_refunds then
        refunded := reverse_payment(old.id, 'REFUND', 'REFUNDED');
    end if;
    update clinic.booking set status = 'CANCELLED', version = version + 1 where id = old.id;
    perform append_event(context, 'booking', old.id, old.user_id, old.doctor_id, jsonb_strip_nulls(jsonb_build_object(
        'from', old.status, 'status', 'CANCELLED', 'refunded_transaction_id', refunded.id)));
    return row(1, coalesce(refunded.total_fee - refunded.refunded_amount, 0))::cancellations;
end
$$;
