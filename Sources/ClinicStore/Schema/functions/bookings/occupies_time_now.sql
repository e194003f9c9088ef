-- Whether a booking takes up its time at this moment: an expired hold no longer does.
create function occupies_time_now(status text, hold_expires_at timestamptz) returns boolean language sql stable as $$
    select clinic.occupies_time(status) and (status <> 'HELD' or hold_expires_at > statement_timestamp())
$$;
