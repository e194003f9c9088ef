-- Seals over the events in their final order, so that a change of what was written, also by whoever owns the tables, is noticed:
-- each has the digest of its events and of the seal before, and is written to the log of the server too.
create table clinic.event_seal (
    number bigint primary key,
    sealed_at timestamptz not null default now(),
    first_transaction_number bigint not null,
    first_sequence bigint not null,
    last_transaction_number bigint not null,
    last_sequence bigint not null,
    events bigint not null check (events > 0),
    digest bytea not null
);
revoke update, delete, truncate on clinic.event_seal from current_user;
