-- Who signed in, and which personal data staff and administrators read: apart from the events, with a retention of its own. Rows
-- are written in batches within a second of the call.
create table clinic.access_log (
    id bigint generated always as identity primary key,
    occurred_at timestamptz not null,
    -- Null: nobody who was signed in.
    actor_id bigint,
    -- Whose data were read, or whose account it is; null if it was a list or nobody's.
    user_id bigint,
    method text not null,
    -- What was read; null for lists.
    entity text,
    entity_id bigint,
    -- The reason of a refusal; null for what was allowed.
    refusal text,
    peer text not null
);
create index access_log_of_actor on clinic.access_log (actor_id, id) where actor_id is not null;
create index access_log_of_user on clinic.access_log (user_id, id) where user_id is not null;
create index access_log_of_method on clinic.access_log (method, id);
create index access_log_by_time on clinic.access_log using brin (occurred_at);
revoke update, truncate on clinic.access_log from current_user;
