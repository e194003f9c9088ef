-- Makes a token for a new password, known by its digest, in place of an earlier one, and closes the open request.
--
-- Locks: the key, the user (no key update), the rows of the user's reset.
-- Refusals: KEY_REUSED, USER_NOT_FOUND, IS_ADMINISTRATOR.
create function create_password_reset(
    context request_context, p_user bigint, p_nonce bytea, p_token bytea, p_expires_at timestamptz)
returns setof password_reset_outcome language plpgsql as $$
declare
    account clinic.user_account;
    result password_reset_record;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    select * into account from clinic.user_account where id = p_user and erased_at is null for no key update;
    if not found then
        return query select 'USER_NOT_FOUND', array['user_id', p_user::text], result;
        return;
    elsif account.role = 'ADMIN' then
        return query select 'IS_ADMINISTRATOR', null::text[], result;
        return;
    end if;

    insert into clinic.password_reset (user_id, token, expires_at) values (p_user, p_token, p_expires_at)
    on conflict (user_id) do update set token = excluded.token, expires_at = excluded.expires_at;
    delete from clinic.password_reset_request where user_id = p_user;
    result := row(p_user, p_nonce, p_expires_at);
    return query select * from complete_mutation(context, 'user', p_user, p_user, null, '{"reset_created": true}', result);
end
$$;
