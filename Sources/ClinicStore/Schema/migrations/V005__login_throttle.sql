-- What slows down whoever guesses passwords: the last failures of each account and peer. Both are digests under a key of the
-- service, so that the table tells neither an e-mail nor an address. Rows are only added, so that logins wait for nobody, and
-- housekeeping deletes them after 15 minutes.
create table clinic.login_failure (
    account bytea not null,
    peer bytea not null,
    failed_at timestamptz not null
);
create index login_failure_of_account on clinic.login_failure (account, peer, failed_at);
create index login_failure_by_age on clinic.login_failure (failed_at);

-- From where a user has signed in: wrong passwords of others there do not keep the user out.
create table clinic.login_peer (
    user_id bigint not null references clinic.user_account on delete restrict,
    peer bytea not null,
    signed_in_at timestamptz not null,
    primary key (user_id, peer)
);
create index login_peer_by_age on clinic.login_peer (signed_in_at);
