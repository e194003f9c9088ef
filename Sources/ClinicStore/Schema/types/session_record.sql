-- The user of a session, as the account is now, and the digest of its refresh token.
create type session_record as (id bigint, email text, role text, token_version bigint, token bytea);
