-- Signs a patient up.
--
-- Locks: the key.
-- Refusals: KEY_REUSED, EMAIL_TAKEN.
create function create_user(
    context request_context, p_first_name text, p_last_name text, p_phone text, p_email text, p_password_hash text)
returns setof user_outcome language plpgsql as $$
declare
    made bigint;
    result user_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    insert into clinic.user_account (first_name, last_name, phone, email, password_hash)
    values (p_first_name, p_last_name, p_phone, p_email, p_password_hash)
    on conflict (email) do nothing
    returning id into made;
    if made is null then
        return query select 'EMAIL_TAKEN', null::text[], result;
        return;
    end if;

    select * into result from user_view where id = made;
    return query select * from complete_mutation(context, 'user', made, made, null, '{"created": true}', result);
end
$$;
