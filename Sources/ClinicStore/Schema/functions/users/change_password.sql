-- Replaces a password and ends all sessions, if the hash still is the one that the current password was checked against. Of the
-- peers from which the user has signed in only the caller's stays known. Failures that were counted since the check count.
--
-- Locks: the key, the user, the user's rows of login_peer.
-- Refusals: KEY_REUSED, LOGIN_THROTTLED with `seconds`, STALE_VERSION.
create function change_password(
    context request_context, p_id bigint, p_old_hash text, p_new_hash text, p_account bytea, p_peer bytea)
returns setof user_outcome language plpgsql as $$
declare
    delay bigint := login_delay(p_account, p_peer, null);
    result user_view;
begin
    return query select * from replay(context, result);
    if found then
        return;
    elsif delay > 0 then
        return query select 'LOGIN_THROTTLED', array['seconds', delay::text], result;
        return;
    end if;

    update clinic.user_account set password_hash = p_new_hash, token_version = token_version + 1
    where id = p_id and password_hash = p_old_hash and erased_at is null;
    if not found then
        return query select 'STALE_VERSION', null::text[], result;
        return;
    end if;
    delete from clinic.refresh_family where user_id = p_id;
    delete from clinic.password_reset where user_id = p_id;
    delete from clinic.login_peer where user_id = p_id and peer <> p_peer;
    select * into result from user_view where id = p_id;
    return query select * from complete_mutation(context, 'user', p_id, p_id, null, '{"sessions_ended": true}', result);
end
$$;
