-- The stored response to a key that was used before, or no row when the key is new. p_shape is a null of the response's type. Each
-- mutation begins with it, so it refuses those of a server that has the settings of before.
--
-- Locks: the key (advisory), which makes a twin in flight wait for the first one's response.
-- Refusals: SETTINGS_CHANGED; KEY_REUSED when the key was used for another request.
create function replay(context request_context, p_shape anyelement)
returns table (refusal text, detail text[], result anyelement) language plpgsql as $$
declare
    used clinic.idempotency_key;
begin
    if not is_current(clinic.settings_version()) then
        return query select 'SETTINGS_CHANGED', null::text[], p_shape;
        return;
    elsif context.key is null then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtextextended(context.key, context.actor));
    select * into used from clinic.idempotency_key as earlier
    where earlier.user_id = context.actor and earlier.key = context.key;
    if not found then
        return;
    elsif used.method = context.method and used.request_digest = context.digest then
        return query select null::text, null::text[], jsonb_populate_record(p_shape, used.response);
    else
        return query select 'KEY_REUSED', null::text[], p_shape;
    end if;
end
$$;
