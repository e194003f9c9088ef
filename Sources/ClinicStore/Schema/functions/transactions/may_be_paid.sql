-- Whether a caller may pay for a booking. p_owner and p_payable are those of pay_bookings.
create function may_be_paid(booking clinic.booking, p_owner bigint, p_payable text[])
returns boolean language sql immutable as $$
    select is_visible_to(booking, p_owner) and booking.status = any (p_payable)
$$;
