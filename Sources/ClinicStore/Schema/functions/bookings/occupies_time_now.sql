-- Whether a booking takes up its time at this moment: an expired hold no longer does.
create function occupies_time_now(
    status text, hold_expires_at timestamptz, completed_at timestamptz, end_time timestamptz)
returns boolean language sql stable as $$
    select clinic.keeps_time(status, completed_at, end_time)
        and (status <> 'HELD' or hold_expires_at > statement_timestamp())
$$;
