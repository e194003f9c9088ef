-- The partitions of events that were taken out, one row each. The trail begins after the highest position in them: some of the
-- events up to there are gone, and all after it are there.
create table clinic.event_archive (
    partition bigint primary key,
    events bigint not null,
    transaction_number bigint not null,
    sequence bigint not null,
    last_occurred_at timestamptz not null,
    archived_at timestamptz not null default now()
);
revoke update, delete, truncate on clinic.event_archive from current_user;
