-- Leaves an open request for a new password of the account with this e-mail, if there is one; that takes the same work. Returns how many
-- seconds the e-mail and the peer have to wait, 0 if the request was left.
create function request_password_reset(p_email text, p_account bytea, p_peer bytea) returns bigint language plpgsql as $$
declare
    delay bigint := add_login_failure(p_account, p_peer, null);
begin
    if delay = 0 then
        insert into clinic.password_reset_request (user_id, requested_at)
        values (coalesce((select id from clinic.user_account where email = p_email and erased_at is null), 0),
            clock_timestamp())
        on conflict (user_id) do update set requested_at = excluded.requested_at;
    end if;
    return delay;
end
$$;
