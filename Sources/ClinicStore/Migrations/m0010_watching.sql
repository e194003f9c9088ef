-- What watchers of bookings read by: also what is hidden now, since its deletion is to be told. These two took in only
-- what is not hidden, which is nearly everything.
drop index clinic.booking_of_user, clinic.transaction_of_booking;
create index booking_of_user on clinic.booking (user_id, start_time, id);
create index transaction_of_booking on clinic.transaction (booking_id, id);

-- What an event says about a booking.
create function clinic.booking_event_type(entity text, change jsonb) returns text language sql immutable as $$
    select case
        when entity = 'transaction' then 'PAYMENT_CHANGED'
        when (change -> 'hidden')::boolean then 'DELETED'
        when change ? 'from_start_time' then 'RESCHEDULED'
        when change ? 'from' then 'STATUS_CHANGED'
        else 'CREATED'
    end
$$;

-- The booking that an event is about; null if it is about none.
create function clinic.booking_of_event(entity text, entity_id bigint) returns bigint language sql stable as $$
    select case entity
        when 'booking' then entity_id
        when 'transaction' then (select booking_id from clinic.transaction where id = booking_of_event.entity_id)
    end
$$;
