-- Replaces the refresh token of a sign-in. A token that is no longer the newest was used twice, and ends the sign-in. Running it
-- again with the same next token answers as the first time.
--
-- Locks: the user (no key update).
-- Refusals: INVALID_TOKEN.
create function refresh_session(
    context request_context, p_family bytea, p_token bytea, p_next bytea, p_now timestamptz, p_expires_at timestamptz)
returns setof session_outcome language plpgsql as $$
declare
    account clinic.user_account;
    held clinic.refresh_family;
    result session_record;
begin
    select * into account from clinic.user_account
    where id = (select user_id from clinic.refresh_family where family = p_family) and erased_at is null
    for no key update;
    select * into held from clinic.refresh_family where family = p_family;
    if not found or held.expires_at <= p_now or held.token_version is distinct from account.token_version then
        return query select 'INVALID_TOKEN', null::text[], result;
        return;
    end if;

    if held.token = p_token then
        update clinic.refresh_family set token = p_next, refreshed_at = p_now, expires_at = p_expires_at
        where family = p_family;
    elsif held.token <> p_next then
        delete from clinic.refresh_family where family = p_family;
        perform append_event(context, 'user', account.id, account.id, null,
            '{"session_ended": "a refresh token was used twice"}');
        return query select 'INVALID_TOKEN', null::text[], result;
        return;
    end if;
    result := row(account.id, account.email, account.role, account.token_version);
    return query select null::text, null::text[], result;
end
$$;
