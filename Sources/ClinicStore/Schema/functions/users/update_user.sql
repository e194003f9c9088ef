-- Changes the fields of a user that are not null; where they have these values already nothing is written. The event names
-- the fields only, since it stays when the user is erased.
-- p_owner is who the user must be; null for administrators.
--
-- The e-mail is changed only if p_password_hash, which the caller's password was checked against, still is the caller's. Each
-- attempt counts as a wrong password of p_account and p_peer, whatever comes of it: that an address is taken, and that it is not,
-- is told slowly.
--
-- Locks: the key, the user (no key update).
-- Refusals: KEY_REUSED, USER_NOT_FOUND, STALE_ETAG, STALE_VERSION, LOGIN_THROTTLED with `seconds`, EMAIL_TAKEN.
create function update_user(
    context request_context, p_id bigint, p_owner bigint, p_version bigint, p_first_name text, p_last_name text,
    p_phone text, p_email text, p_password_hash text, p_account bytea, p_peer bytea)
returns setof user_outcome language plpgsql as $$
declare
    old clinic.user_account;
    changed text[];
    delay bigint;
    result user_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    select * into old from clinic.user_account
    where id = p_id and (p_owner is null or id = p_owner) and erased_at is null for no key update;
    if not found then
        return query select 'USER_NOT_FOUND', array['user_id', p_id::text], result;
        return;
    elsif old.version <> p_version then
        return query select 'STALE_ETAG', null::text[], result;
        return;
    end if;
    changed := array_remove(array[
        case when p_first_name <> old.first_name then 'first_name' end,
        case when p_last_name <> old.last_name then 'last_name' end,
        case when p_phone <> old.phone then 'phone' end,
        case when p_email <> old.email then 'email' end], null);
    if cardinality(changed) = 0 then
        return query select null::text, null::text[], unchanged
        from user_view as unchanged where id = p_id;
        return;
    end if;
    if p_email is not null then
        if not exists (
            select from clinic.user_account where id = context.actor and password_hash = p_password_hash) then
            return query select 'STALE_VERSION', null::text[], result;
            return;
        end if;
        delay := add_login_failure(p_account, p_peer, null);
        if delay > 0 then
            return query select 'LOGIN_THROTTLED', array['seconds', delay::text], result;
            return;
        end if;
    end if;
    begin
        update clinic.user_account
        set first_name = coalesce(p_first_name, first_name), last_name = coalesce(p_last_name, last_name),
            phone = coalesce(p_phone, phone), email = coalesce(p_email, email), version = version + 1
        where id = p_id;
    exception when unique_violation then
        return query select 'EMAIL_TAKEN', null::text[], result;
        return;
    end;

    select * into result from user_view where id = p_id;
    return query select * from complete_mutation(
        context, 'user', p_id, p_id, null,
        jsonb_build_object('changed', changed), result);
end
$$;
