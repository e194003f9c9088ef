-- Replaces the refresh token of a sign-in. p_successors are the digests, of 32 bytes each, of the tokens that follow from it under
-- the keys of the server; the first takes its place. So one that comes back within 30 seconds, because its answer was lost, is
-- answered as the first time while its successor was not used, also if a server gave it that signs with another key. A token that
-- comes back otherwise was copied: it ends the sign-in with its access tokens. A sign-in that was opened at p_opened_after or before
-- has expired, whenever it was used.
--
-- Locks: the user (no key update).
-- Refusals: INVALID_TOKEN; with `user_id` if a sign-in was ended.
create function refresh_session(
    context request_context, p_family bytea, p_token bytea, p_successors bytea, p_now timestamptz, p_expires_at timestamptz,
    p_opened_after timestamptz)
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
    if not found or held.ended_at is not null or held.expires_at <= p_now or held.created_at <= p_opened_after
        or held.token_version is distinct from account.token_version then
        return query select 'INVALID_TOKEN', null::text[], result;
        return;
    end if;

    if held.token = p_token then
        update clinic.refresh_family
        set token = substr(p_successors, 1, 32), refreshed_at = p_now,
            expires_at = least(p_expires_at, held.created_at + (p_now - p_opened_after))
        where family = p_family;
    elsif not exists (
            select from generate_series(1, length(p_successors), 32) as start
            where substr(p_successors, start, 32) = held.token)
        or held.refreshed_at < p_now - interval '30 seconds' then
        -- It is kept for longer than an access token lives. No token names version 0, which functions of an earlier version see.
        update clinic.refresh_family
        set ended_at = p_now, token_version = 0, expires_at = p_now + interval '20 minutes' where family = p_family;
        update clinic.user_account set access_changed_by = pg_current_xact_id()::text::bigint where id = account.id;
        perform append_event(context, 'user', account.id, account.id, null,
            '{"session_ended": "a refresh token was used twice"}');
        return query select 'INVALID_TOKEN', array['user_id', account.id::text], result;
        return;
    end if;
    result := row(account.id, account.email, account.role, account.token_version,
        case when held.token = p_token then substr(p_successors, 1, 32) else held.token end);
    return query select null::text, null::text[], result;
end
$$;
