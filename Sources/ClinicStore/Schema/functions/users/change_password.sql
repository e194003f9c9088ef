-- Replaces a password and ends all sessions, if the hash still is the one that the current password was checked against.
--
-- Locks: the key, the user.
-- Refusals: KEY_REUSED, STALE_VERSION.
create function change_password(context request_context, p_id bigint, p_old_hash text, p_new_hash text)
returns setof user_outcome language plpgsql as $$
declare
    result user_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    update clinic.user_account set password_hash = p_new_hash, token_version = token_version + 1
    where id = p_id and password_hash = p_old_hash and erased_at is null;
    if not found then
        return query select 'STALE_VERSION', null::text[], result;
        return;
    end if;
    delete from clinic.refresh_family where user_id = p_id;
    select * into result from user_view where id = p_id;
    return query select * from complete_mutation(context, 'user', p_id, p_id, null, '{"sessions_ended": true}', result);
end
$$;
