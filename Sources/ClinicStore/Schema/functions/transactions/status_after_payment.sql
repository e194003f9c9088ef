-- The status of a booking in this status once it is paid for.
create function status_after_payment(status text, p_confirmed_from text[]) returns text language sql immutable as $$
    select case when status = any (p_confirmed_from) then 'CONFIRMED' else status end
$$;
