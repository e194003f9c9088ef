-- The bookings of a patient that are yet to begin, of which there is a limit. PostgreSQL puts the query in the place of a call.
create function open_bookings(p_user bigint) returns setof clinic.booking language sql stable as $$
    select * from clinic.booking
    where user_id = p_user and start_time > statement_timestamp()
        and occupies_time_now(status, hold_expires_at, completed_at, end_time)
$$;
