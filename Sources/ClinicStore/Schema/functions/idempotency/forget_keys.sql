-- Deletes the keys that are older than a day, at most about p_limit of them (those of one transaction are not parted), the oldest
-- first. Returns how many, and up to which age in microseconds; once that is committed, the caller stores it in
-- clinic.keys_forgotten_until, where the next step begins. So a step reads none of the rows that earlier ones deleted, which
-- stay in the table while anybody holds an old snapshot.
--
-- Locks: the rows of keys (advisory 7411, 4), then those keys. One server calls it at a time, outside of calls.
create function forget_keys(p_limit bigint) returns table (forgotten bigint, forgotten_until bigint)
language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    since timestamptz;
    until timestamptz;
begin
    perform pg_advisory_xact_lock(7411, 4);
    select 'epoch'::timestamptz + last_value * interval '1 microsecond' into since from clinic.keys_forgotten_until;
    select max(created_at) into until
    from (
        select created_at from clinic.idempotency_key
        where created_at > since and created_at < now() - interval '24 hours'
        order by created_at limit p_limit
    ) as oldest;
    delete from clinic.idempotency_key where created_at > since and created_at <= until;
    get diagnostics forgotten = row_count;
    forgotten_until := microseconds(coalesce(until, since));
    return next;
end
$$;
