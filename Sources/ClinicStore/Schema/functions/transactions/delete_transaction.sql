-- Hides a transaction. One that is still paid is reversed and voided first; its booking in p_unconfirmed_from is BOOKED again.
--
-- Locks: the key, the booking (no key update), the transaction (update).
-- Refusals: KEY_REUSED, TRANSACTION_NOT_FOUND, TRANSACTION_PENDING.
create function delete_transaction(context request_context, p_id bigint, p_unconfirmed_from text[])
returns setof transaction_outcome language plpgsql as $$
declare
    old clinic.transaction;
    new_status text;
    result transaction_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    old := lock_transaction(p_id);
    if old.id is null then
        return query select 'TRANSACTION_NOT_FOUND', array['transaction_id', p_id::text], result;
        return;
    elsif old.status = 'PENDING' then
        return query select 'TRANSACTION_PENDING', null::text[], result;
        return;
    end if;

    new_status := old.status;
    if is_refundable(old.status) then
        new_status := 'VOIDED';
        perform reverse_payment(old.booking_id, 'VOID', new_status);
    end if;
    -- The booking no longer shows the transaction, which is a change of the booking.
    update clinic.booking
    set status = case when new_status = 'VOIDED' and status = any (p_unconfirmed_from) then 'BOOKED' else status end,
        version = version + 1
    where id = old.booking_id;

    select * into result from transaction_view where id = p_id;
    update clinic.transaction set hidden_at = clock_timestamp() where id = p_id;
    return query select * from complete_mutation(
        context, 'transaction', p_id, old.user_id,
        (select doctor_id from clinic.booking where id = old.booking_id),
        jsonb_build_object('from', old.status, 'status', new_status, 'hidden', true), result);
end
$$;
