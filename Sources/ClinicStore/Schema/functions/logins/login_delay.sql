-- How many seconds an account and a peer have to wait until the next password counts, 0 to 60. After three failures in 15
-- minutes it is 1 s from the last of them, and twice as long after each further one. When p_user signs in from the peer, the
-- failures before do not count any more.
create function login_delay(p_account bytea, p_peer bytea, p_user bigint) returns bigint language sql as $$
    select case when count(*) < 3 then 0
        else ceil(greatest(0, least(60, 2 ^ (count(*) - 3)) - extract(epoch from clock_timestamp() - max(failed_at))))::bigint
    end
    from clinic.login_failure
    where account = p_account and peer = p_peer and failed_at > greatest(
        now() - interval '15 minutes',
        (select signed_in_at from clinic.login_peer where user_id = p_user and peer = p_peer))
$$;
