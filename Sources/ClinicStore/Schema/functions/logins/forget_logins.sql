-- Deletes what is remembered of logins and no longer counts: wrong passwords that are older than 15 minutes, or older than the
-- newest p_failures; peers from which nobody has signed in for 90 days; expired sign-ins. p_from is what the last call returned,
-- null for the first: what that one deleted is not read again while it is dead and not yet removed.
--
-- Locks: those rows; it skips peers and sign-ins that are in use.
create function forget_logins(p_from timestamptz, p_failures bigint) returns timestamptz language plpgsql as $$
declare
    start timestamptz := coalesce(p_from, '-infinity');
    excess timestamptz := (select failed_at from clinic.login_failure order by failed_at desc offset p_failures limit 1);
begin
    delete from clinic.login_failure
    where failed_at >= start - interval '15 minutes' and failed_at <= greatest(now() - interval '15 minutes', excess);
    delete from clinic.login_peer
    where (user_id, peer) in (
        select user_id, peer from clinic.login_peer
        where signed_in_at >= start - interval '90 days' and signed_in_at < now() - interval '90 days'
        for update skip locked);
    delete from clinic.refresh_family
    where family in (
        select family from clinic.refresh_family where expires_at >= start and expires_at < now() for update skip locked);
    return now();
end
$$;
