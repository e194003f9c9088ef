-- The access log.
create view access_view as
select id, occurred_at, actor_id, user_id, method, entity, entity_id, refusal, peer
from clinic.access_log;
