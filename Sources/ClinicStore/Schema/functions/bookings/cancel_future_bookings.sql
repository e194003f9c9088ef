-- Cancels the bookings of a locked doctor or user that start after p_now, and says how many; the other of p_doctor and p_user is
-- null. p_from are the statuses that may be cancelled; a hidden booking has none of them.
--
-- Locks: the bookings by number (no key update), all before the first is changed; then their payments.
create function cancel_future_bookings(
    context request_context, p_doctor bigint, p_user bigint, p_now timestamptz, p_from text[])
returns bigint language plpgsql as $$
declare
    old clinic.booking;
    cancelled bigint := 0;
begin
    foreach old in array array(
        select booking from clinic.booking
        where id = any (array(
                select id from clinic.booking
                where doctor_id = p_doctor and start_time > p_now and hidden_at is null
                union all select id from clinic.booking where user_id = p_user and start_time > p_now))
            and status = any (p_from)
        order by id for no key update)
    loop
        cancelled := cancelled + cancel_locked_booking(context, old);
    end loop;
    return cancelled;
end
$$;
