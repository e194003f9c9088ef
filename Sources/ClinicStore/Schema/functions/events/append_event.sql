-- Writes the event of a change. p_user and p_doctor are the patient and the doctor whom it concerns, null where there is none.
create function append_event(
    context request_context, p_entity text, p_entity_id bigint, p_user bigint, p_doctor bigint, p_change jsonb)
returns void language plpgsql as $$
begin
    insert into clinic.event (actor_id, user_id, doctor_id, method, entity, entity_id, change)
    values (context.actor, p_user, p_doctor, context.method, p_entity, p_entity_id, p_change);
end
$$;
