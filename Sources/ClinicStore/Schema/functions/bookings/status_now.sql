-- The status of a booking at this moment: a hold that has run out is EXPIRED, whether or not that is stored.
create function status_now(status text, hold_expires_at timestamptz) returns text language sql as $$
    select case when status = 'HELD' and hold_expires_at <= clock_timestamp() then 'EXPIRED' else status end
$$;
