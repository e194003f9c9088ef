-- Replaces the password of the user to whom a token was given, and ends all sessions. The token is used up.
--
-- Locks: the user (no key update), the user's rows of login_peer and of the reset.
-- Refusals: INVALID_TOKEN.
create function reset_password(context request_context, p_token bytea, p_hash text, p_now timestamptz)
returns setof user_outcome language plpgsql as $$
declare
    account clinic.user_account;
    result user_view;
begin
    select * into account from clinic.user_account
    where id = (select user_id from clinic.password_reset where token = p_token) and erased_at is null
    for no key update;
    -- Only now nobody else can use it.
    delete from clinic.password_reset
    where user_id = account.id and token = p_token and expires_at > p_now and account.role <> 'ADMIN';
    if not found then
        return query select 'INVALID_TOKEN', null::text[], result;
        return;
    end if;

    update clinic.user_account set password_hash = p_hash, token_version = token_version + 1 where id = account.id;
    delete from clinic.refresh_family where user_id = account.id;
    delete from clinic.login_peer where user_id = account.id;
    delete from clinic.password_reset_request where user_id = account.id;
    select * into result from user_view where id = account.id;
    return query select * from complete_mutation(
        context, 'user', account.id, account.id, null, '{"password_reset": true, "sessions_ended": true}', result);
end
$$;
