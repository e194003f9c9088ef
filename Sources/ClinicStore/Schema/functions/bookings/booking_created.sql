-- What the event of a new booking says.
create function booking_created(
    status text, doctor_id bigint, user_id bigint, start_time timestamptz, end_time timestamptz)
returns jsonb language sql stable as $$
    select jsonb_build_object('status', status, 'doctor_id', doctor_id, 'user_id', user_id, 'start_time', start_time,
        'end_time', end_time)
$$;
