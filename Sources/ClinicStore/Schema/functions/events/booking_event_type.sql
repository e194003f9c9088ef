-- What an event says about a booking: CREATED, STATUS_CHANGED, RESCHEDULED, PAYMENT_CHANGED or DELETED.
create function booking_event_type(entity text, change jsonb) returns text language sql immutable as $$
    select case
        when entity = 'transaction' then 'PAYMENT_CHANGED'
        when (change -> 'hidden')::boolean then 'DELETED'
        when change ? 'from_start_time' then 'RESCHEDULED'
        when change ? 'from' then 'STATUS_CHANGED'
        else 'CREATED'
    end
$$;
