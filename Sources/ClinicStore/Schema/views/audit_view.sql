-- All events that are committed. Some may still appear before others: readers who go on from a position use event_view.
create view audit_view as
select transaction_number as position, sequence, occurred_at, actor_id, method, entity, entity_id, change, user_id, doctor_id
from clinic.event;
