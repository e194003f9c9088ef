-- A token that was made for a new password; it follows from the nonce, and is not stored.
create type password_reset_record as (user_id bigint, nonce bytea, expires_at timestamptz);
