-- Cancels the future bookings of a locked doctor and says how many. p_from are the statuses that may be cancelled: a patient who
-- has arrived is still seen.
--
-- Locks: the bookings by number (no key update), each with its payment.
create function cancel_bookings_of_doctor(
    context request_context, p_doctor bigint, p_now timestamptz, p_from text[])
returns bigint language plpgsql as $$
declare
    old clinic.booking;
    cancelled bigint := 0;
begin
    for old in
        select * from clinic.booking
        where doctor_id = p_doctor and start_time > p_now and status = any (p_from)
        order by id for no key update
    loop
        cancelled := cancelled + cancel_locked_booking(context, old);
    end loop;
    return cancelled;
end
$$;
