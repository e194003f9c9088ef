-- Ends every token of a user. p_owner is who the user must be; null for administrators.
--
-- Locks: the key, the user.
-- Refusals: KEY_REUSED, USER_NOT_FOUND.
create function revoke_tokens(context request_context, p_id bigint, p_owner bigint)
returns setof user_outcome language plpgsql as $$
declare
    result user_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    update clinic.user_account set token_version = token_version + 1
    where id = p_id and (p_owner is null or id = p_owner) and erased_at is null;
    if not found then
        return query select 'USER_NOT_FOUND', array['user_id', p_id::text], result;
        return;
    end if;
    delete from clinic.refresh_family where user_id = p_id;
    select * into result from user_view where id = p_id;
    return query select * from complete_mutation(context, 'user', p_id, p_id, null, '{"sessions_ended": true}', result);
end
$$;
