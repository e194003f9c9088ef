-- Locks bookings, each if it is the owner's (null: anybody's), and those of transactions. A transaction is only locked and
-- changed under the lock on its booking.
--
-- Locks: the bookings (no key update), by number.
create function lock_bookings(p_bookings bigint[], p_owners bigint[], p_transactions bigint[])
returns void language plpgsql as $$
begin
    perform 1 from clinic.booking
    where id = any (array(
            select booking.id from unnest(p_bookings, p_owners) as given (id, owner_id)
            join clinic.booking on booking.id = given.id and (given.owner_id is null or booking.user_id = given.owner_id)
            union all
            select booking_id from clinic.transaction where transaction.id = any (p_transactions)))
    order by id for no key update;
end
$$;
