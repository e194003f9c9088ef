-- Changes the fields of a user that are not null. The event names the fields only, since it stays when the user is erased.
-- p_owner is who the user must be; null for administrators.
--
-- Locks: the key, the user (no key update).
-- Refusals: KEY_REUSED, USER_NOT_FOUND, STALE_ETAG, EMAIL_TAKEN.
create function update_user(
    context request_context, p_id bigint, p_owner bigint, p_version bigint, p_first_name text, p_last_name text,
    p_phone text, p_email text)
returns setof user_outcome language plpgsql as $$
declare
    old_version bigint;
    result user_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    select version into old_version from clinic.user_account
    where id = p_id and (p_owner is null or id = p_owner) and erased_at is null for no key update;
    if not found then
        return query select 'USER_NOT_FOUND', null::text[], result;
        return;
    elsif old_version <> p_version then
        return query select 'STALE_ETAG', null::text[], result;
        return;
    elsif coalesce(p_first_name, p_last_name, p_phone, p_email) is null then
        return query select null::text, null::text[], unchanged
        from user_view as unchanged where id = p_id;
        return;
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
        jsonb_build_object('changed', array_remove(array[
            case when p_first_name is not null then 'first_name' end,
            case when p_last_name is not null then 'last_name' end,
            case when p_phone is not null then 'phone' end,
            case when p_email is not null then 'email' end], null)),
        result);
end
$$;
