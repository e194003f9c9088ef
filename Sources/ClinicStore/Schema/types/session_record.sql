-- The user of a session, as the account is now.
create type session_record as (id bigint, email text, role text, token_version bigint);
