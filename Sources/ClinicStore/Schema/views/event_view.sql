-- The events that a reader may have: those below the oldest running transaction, in the order (position, sequence). They are
-- final and nothing can appear before them any more, so a reader who goes on after the last position it saw misses nothing
-- and sees nothing twice, in whatever order transactions commit.
create view event_view as
select position, sequence, occurred_at, actor_id, method, entity, entity_id, change, user_id, doctor_id
from audit_view
where position < pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
