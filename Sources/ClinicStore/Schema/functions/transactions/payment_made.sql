-- What the event of a payment says.
create function payment_made(booking_id bigint, total_fee bigint) returns jsonb language sql stable as $$
    select jsonb_build_object('status', 'PAID', 'booking_id', booking_id, 'total_fee', total_fee)
$$;
