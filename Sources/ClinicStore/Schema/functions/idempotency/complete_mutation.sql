-- Writes the event and the response of a mutation, and returns the response as its outcome.
create function complete_mutation(
    context request_context, p_entity text, p_entity_id bigint, p_user bigint, p_doctor bigint, p_change jsonb,
    p_response anyelement)
returns table (refusal text, detail text[], result anyelement) language plpgsql as $$
begin
    perform append_event(context, p_entity, p_entity_id, p_user, p_doctor, p_change);
    if context.key is not null then
        insert into clinic.idempotency_key (user_id, key, method, request_digest, response)
        values (context.actor, context.key, context.method, context.digest, to_jsonb(p_response));
    end if;
    return query select null::text, null::text[], p_response;
end
$$;
