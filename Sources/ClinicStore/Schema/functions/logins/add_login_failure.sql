-- Counts a wrong password, unless the account and the peer have to wait: whoever repeats too early need not wait longer. Returns
-- how many seconds they had to wait, 0 if the failure was counted.
create function add_login_failure(p_account bytea, p_peer bytea, p_user bigint) returns bigint language plpgsql as $$
declare
    delay bigint := login_delay(p_account, p_peer, p_user);
begin
    if delay = 0 then
        insert into clinic.login_failure (account, peer, failed_at) values (p_account, p_peer, clock_timestamp());
    end if;
    return delay;
end
$$;
