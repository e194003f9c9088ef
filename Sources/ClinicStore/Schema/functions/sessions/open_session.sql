-- Keeps the digests of a new sign-in, if the account is as it was when the password was checked. A user has at most 50 sign-ins;
-- the oldest make room. Running it again, because the outcome of the first time is not known, changes nothing.
-- Failures that were counted since the password was checked count, unless p_is_trusted. p_account is what they are counted by.
-- p_new_hash, if there is one, takes the place of the hash that the password was checked against.
--
-- Locks: the user (no key update), the user's rows of login_peer.
-- Refusals: STALE_VERSION, LOGIN_THROTTLED with `seconds`.
create function open_session(
    context request_context, p_user bigint, p_token_version bigint, p_family bytea, p_token bytea, p_now timestamptz,
    p_expires_at timestamptz, p_account bytea, p_peer bytea, p_is_trusted boolean, p_old_hash text,
    p_new_hash text)
returns setof session_outcome language plpgsql as $$
declare
    account clinic.user_account;
    delay bigint := case when p_is_trusted then 0 else login_delay(p_account, p_peer, p_user) end;
    result session_record;
begin
    if delay > 0 then
        return query select 'LOGIN_THROTTLED', array['seconds', delay::text], result;
        return;
    end if;
    select * into account from clinic.user_account
    where id = p_user and token_version = p_token_version and erased_at is null for no key update;
    if not found then
        return query select 'STALE_VERSION', null::text[], result;
        return;
    end if;

    delete from clinic.refresh_family
    where user_id = p_user and family <> p_family and (expires_at <= p_now or family in (
        select family from clinic.refresh_family
        where user_id = p_user and family <> p_family and ended_at is null order by refreshed_at desc offset 49));
    insert into clinic.refresh_family (family, user_id, token, token_version, created_at, refreshed_at, expires_at)
    values (p_family, p_user, p_token, p_token_version, p_now, p_now, p_expires_at)
    on conflict do nothing;
    perform remember_login_peer(p_user, p_peer);
    if p_new_hash is not null then
        update clinic.user_account set password_hash = p_new_hash where id = p_user and password_hash = p_old_hash;
    end if;
    result := row(account.id, account.email, account.role, account.token_version, p_token);
    return query select null::text, null::text[], result;
end
$$;
