-- The bookings that occupy these times of doctors or of patients, expired holds too. While the people are locked no other
-- can come.
create function conflicting_bookings(
    p_doctors bigint[], p_users bigint[], p_starts timestamptz[], p_ends timestamptz[])
returns bigint[] language sql stable as $$
    select array(
        select booking.id from unnest(p_doctors, p_starts, p_ends) as given (doctor_id, start_time, end_time)
        join clinic.booking on booking.doctor_id = given.doctor_id
            and booking.occupied && tstzrange(given.start_time, given.end_time)
            and clinic.keeps_time(booking.status, booking.completed_at, booking.end_time)
        where given.start_time is not null
        union all
        select booking.id from unnest(p_users, p_starts, p_ends) as given (user_id, start_time, end_time)
        join clinic.booking on booking.user_id = given.user_id
            and booking.period && tstzrange(given.start_time, given.end_time)
            and clinic.keeps_time(booking.status, booking.completed_at, booking.end_time)
        where given.start_time is not null)
$$;
