-- Deletes at most p_limit keys that are older than a day, the oldest first, and says how many. Each server calls it every few
-- seconds.
--
-- Locks: those keys; it skips what another server deletes.
create function forget_keys(p_limit bigint) returns bigint language sql as $$
    with expired as (
        delete from clinic.idempotency_key as key
        using (
            select user_id, key from clinic.idempotency_key
            where created_at < now() - interval '24 hours'
            order by created_at limit p_limit for update skip locked
        ) as oldest
        where key.user_id = oldest.user_id and key.key = oldest.key
        returning 1
    )
    select count(*) from expired
$$;
