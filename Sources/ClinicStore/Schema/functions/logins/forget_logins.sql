-- Deletes the failures of logins that are older than 15 minutes, or older than the newest p_failures, and the peers from which
-- nobody has signed in for 90 days. p_from is what the last call returned, null for the first: what that one deleted is not
-- read again while it is dead and not yet removed.
--
-- Locks: those rows.
create function forget_logins(p_from timestamptz, p_failures bigint) returns timestamptz language plpgsql as $$
declare
    start timestamptz := coalesce(p_from, '-infinity');
    expired timestamptz := now() - interval '15 minutes';
    excess timestamptz := (select failed_at from clinic.login_failure order by failed_at desc offset p_failures limit 1);
begin
    delete from clinic.login_failure where failed_at >= start and failed_at <= greatest(expired, excess);
    delete from clinic.login_peer
    where signed_in_at >= start - interval '90 days' and signed_in_at < now() - interval '90 days';
    return expired;
end
$$;
