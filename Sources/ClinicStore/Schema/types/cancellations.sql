-- How many bookings were cancelled, and what was refunded with them in minor units.
create type cancellations as (bookings bigint, refunded bigint);
