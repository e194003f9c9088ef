-- Whether nobody but this user is an administrator. Callers wait for each other, or two administrators could take the role
-- from each other at the same time.
--
-- Locks: changes of administrators (advisory 7411, 1).
create function is_last_administrator(p_id bigint) returns boolean language plpgsql as $$
begin
    perform pg_advisory_xact_lock(7411, 1);
    return exists (select from clinic.user_account where id = p_id and role = 'ADMIN')
        and not exists (select from clinic.user_account where id <> p_id and role = 'ADMIN');
end
$$;
