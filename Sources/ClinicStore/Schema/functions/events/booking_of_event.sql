-- The booking that an event is about; null if it is about none.
create function booking_of_event(entity text, entity_id bigint) returns bigint language sql stable as $$
    select case entity
        when 'booking' then entity_id
        when 'transaction' then (select booking_id from clinic.transaction where id = booking_of_event.entity_id)
    end
$$;
