-- Cancels the bookings of a locked doctor or user that start after p_now; the other of p_doctor and p_user is null. p_from are the
-- statuses that may be cancelled; a hidden booking has none of them. What the clinic cancels is refunded; users who erase
-- themselves are refunded as if they had cancelled each booking (refund_deadline, p_refund_seconds). If p_is_preview, nothing is changed.
--
-- Locks: the bookings by number (no key update), all before the first is changed; then their payments.
create function cancel_future_bookings(
    context request_context, p_doctor bigint, p_user bigint, p_now timestamptz, p_from text[], p_refund_seconds bigint,
    p_is_preview boolean)
returns cancellations language plpgsql as $$
declare
    old clinic.booking;
    one cancellations;
    total cancellations := row(0, 0);
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
        one := cancel_locked_booking(
            context, old, p_user is null or p_user <> context.actor or p_now <= refund_deadline(old, p_refund_seconds),
            p_is_preview);
        total := row(total.bookings + one.bookings, total.refunded + one.refunded);
    end loop;
    return total;
end
$$;
