-- Cancels a locked booking as the clinic: what was paid for it is refunded in full. Returns 1, or 0 for an expired hold.
--
-- Locks: its live payment (update).
create function cancel_locked_booking(context request_context, old clinic.booking) returns bigint language plpgsql as $$
declare
    refunded bigint;
begin
    if old.status = 'HELD' and old.hold_expires_at <= clock_timestamp() then
        perform expire_hold(old);
        return 0;
    end if;
    refunded := reverse_payment(old.id, 'REFUND', 'REFUNDED');
    update clinic.booking set status = 'CANCELLED', version = version + 1 where id = old.id;
    perform append_event(context, 'booking', old.id, old.user_id, old.doctor_id, jsonb_strip_nulls(jsonb_build_object(
        'from', old.status, 'status', 'CANCELLED', 'refunded_transaction_id', refunded)));
    return 1;
end
$$;
