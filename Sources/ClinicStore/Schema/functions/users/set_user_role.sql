-- Gives a user another role and ends all sessions.
--
-- Locks: the key, the user (no key update), changes of administrators (is_last_administrator).
-- Refusals: KEY_REUSED, USER_NOT_FOUND, STALE_ETAG, LAST_ADMINISTRATOR.
create function set_user_role(context request_context, p_id bigint, p_version bigint, p_role text)
returns setof user_outcome language plpgsql as $$
declare
    old clinic.user_account;
    result user_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    select * into old from clinic.user_account where id = p_id and erased_at is null for no key update;
    if not found then
        return query select 'USER_NOT_FOUND', array['user_id', p_id::text], result;
        return;
    elsif old.version <> p_version then
        return query select 'STALE_ETAG', null::text[], result;
        return;
    elsif old.role = p_role then
        return query select null::text, null::text[], unchanged
        from user_view as unchanged where id = p_id;
        return;
    elsif is_last_administrator(p_id) then
        return query select 'LAST_ADMINISTRATOR', null::text[], result;
        return;
    end if;

    update clinic.user_account set role = p_role, token_version = token_version + 1, version = version + 1
    where id = p_id;
    delete from clinic.refresh_family where user_id = p_id;
    select * into result from user_view where id = p_id;
    return query select * from complete_mutation(
        context, 'user', p_id, p_id, null, jsonb_build_object('from', old.role, 'role', p_role), result);
end
$$;
