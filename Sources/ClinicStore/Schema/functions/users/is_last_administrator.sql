-- Whether nobody but this locked user is an administrator. For administrators callers wait for each other, or two of them could
-- take the role from each other at the same time.
--
-- Locks: changes of administrators (advisory 7411, 1), if the user is one.
create function is_last_administrator(p_id bigint) returns boolean language plpgsql as $$
begin
    if not exists (select from clinic.user_account where id = p_id and role = 'ADMIN') then
        return false;
    end if;
    perform pg_advisory_xact_lock(7411, 1);
    return not exists (select from clinic.user_account where id <> p_id and role = 'ADMIN');
end
$$;
