-- Makes a person an administrator with this password, whether or not the account exists. An account that exists is signed
-- out everywhere: its password is another now.
--
-- Locks: the account.
-- Refusals: none.
create function make_administrator(
    context request_context, p_first_name text, p_last_name text, p_email text, p_password_hash text)
returns setof user_outcome language plpgsql as $$
declare
    made bigint;
    result user_view;
begin
    insert into clinic.user_account as account (first_name, last_name, phone, email, password_hash, role)
    values (coalesce(p_first_name, 'Clinic'), coalesce(p_last_name, 'Administrator'), '', p_email,
        p_password_hash, 'ADMIN')
    on conflict (email) do update set
        first_name = coalesce(p_first_name, account.first_name),
        last_name = coalesce(p_last_name, account.last_name),
        password_hash = excluded.password_hash, role = 'ADMIN', version = account.version + 1,
        token_version = account.token_version + 1
    returning id into made;
    delete from clinic.refresh_family where user_id = made;
    delete from clinic.login_peer where user_id = made;
    delete from clinic.password_reset where user_id = made;
    delete from clinic.password_reset_request where user_id = made;

    select * into result from user_view where id = made;
    return query select * from complete_mutation(context, 'user', made, made, null, '{"role": "ADMIN"}', result);
end
$$;
