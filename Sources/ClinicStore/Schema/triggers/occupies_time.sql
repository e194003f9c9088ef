-- Whether a booking in this status takes up the time of its doctor and of its patient. It names the statuses that free
-- time, so that constraints and indexes stay as they are when a status that occupies time is added.
--
-- PostgreSQL puts the body in the place of a call, in index predicates and in queries alike, so a query with this
-- condition can use those indexes. BookingStatus.occupiesTime says the same, and a test compares the two.
create or replace function clinic.occupies_time(status text) returns boolean language sql immutable as $$
    select status not in ('COMPLETED', 'CANCELLED', 'EXPIRED', 'NO_SHOW')
$$;
