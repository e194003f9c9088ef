-- Until when leaving a booking refunds it in full. p_seconds is the clinic's setting, which counts for bookings without a
-- deadline of their own.
create function refund_deadline(booking clinic.booking, p_seconds bigint) returns timestamptz language sql stable as $$
    select coalesce(booking.refund_until, booking.start_time - p_seconds * interval '1 second')
$$;
