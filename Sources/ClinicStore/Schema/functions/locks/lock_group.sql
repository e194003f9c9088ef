-- Takes what a batch of calls locks, before the first of them runs. Each array has a place for each call, null where the call
-- has no such thing: the key with its caller; the doctor, the user, the start and the end of a time that it wants to occupy;
-- the booking with whose it must be (null for the staff); the transaction. A booking that is moved names its patient.
--
-- Locks: everything, in the order that Sources/ClinicStore/README.md tells.
create function lock_group(
    p_actors bigint[], p_keys text[], p_doctors bigint[], p_users bigint[], p_starts timestamptz[], p_ends timestamptz[],
    p_bookings bigint[], p_owners bigint[], p_transactions bigint[])
returns void language plpgsql as $$
declare
    patients bigint[];
begin
    perform lock_keys(p_actors, p_keys);
    if num_nonnulls(variadic p_doctors || p_users) = 0 then
        perform lock_bookings(p_bookings, p_owners, p_transactions);
        return;
    end if;
    patients := array(
        select coalesce(given.user_id, booking.user_id)
        from unnest(p_users, p_bookings, p_owners, p_starts) with ordinality
            as given (user_id, booking_id, owner_id, start_time, place)
        left join clinic.booking on booking.id = given.booking_id and given.start_time is not null
            and (given.owner_id is null or booking.user_id = given.owner_id)
        order by place);
    perform lock_people(p_doctors, patients);
    perform lock_bookings(
        p_bookings || conflicting.ids, p_owners || array_fill(null::bigint, array[cardinality(conflicting.ids)]),
        p_transactions)
    from (select conflicting_bookings(p_doctors, patients, p_starts, p_ends) as ids) as conflicting;
end
$$;
