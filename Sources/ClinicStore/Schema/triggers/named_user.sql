-- The number of the user whose name a stored response contains: the user itself, or the patient of a booking; null without one.
-- The index idempotency_key_of_named_user is made with it.
create or replace function clinic.named_user(response jsonb) returns bigint language sql immutable as $$
    select case
        when response ? 'email' then (response ->> 'id')::bigint
        when response ? 'first_name' then (response ->> 'user_id')::bigint
    end
$$;
