-- Whether a booking exists for a caller: it is not hidden, and it belongs to p_owner. p_owner is null for the staff.
create function is_visible_to(booking clinic.booking, p_owner bigint) returns boolean language sql immutable as $$
    select booking.hidden_at is null and (p_owner is null or booking.user_id = p_owner)
$$;
