-- Who has asked for a new password, one row for each user; a request for an e-mail without an account is counted on user 0, so
-- that it costs the same. There is no foreign key for that.
create table clinic.password_reset_request (
    user_id bigint primary key,
    requested_at timestamptz not null
);
create index password_reset_request_by_time on clinic.password_reset_request (requested_at, user_id);

-- The token with which a user sets a new password, by its digest; the newest one counts.
create table clinic.password_reset (
    user_id bigint primary key references clinic.user_account on delete restrict,
    token bytea not null unique,
    expires_at timestamptz not null
);
