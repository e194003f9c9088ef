-- How often passwords of an account were wrong in the last 15 minutes, from all peers together, at most p_limit.
create function count_login_failures(p_account bytea, p_limit bigint) returns bigint language sql stable as $$
    select count(*) from (
        select from clinic.login_failure
        where account = p_account and failed_at > now() - interval '15 minutes' limit p_limit
    ) as recent
$$;
