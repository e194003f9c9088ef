-- Locks a transaction and returns it, or nulls when there is none that is not hidden.
--
-- Locks: its booking (no key update), then the transaction (update).
create function lock_transaction(p_id bigint) returns clinic.transaction language plpgsql as $$
declare
    locked clinic.transaction;
begin
    perform 1 from clinic.booking
    where id = (select booking_id from clinic.transaction where id = p_id) for no key update;
    select * into locked from clinic.transaction where id = p_id and hidden_at is null for update;
    return locked;
end
$$;
