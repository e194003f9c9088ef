-- Locks the idempotency keys of callers, so that a twin in flight is waited for. A caller without a key has null.
--
-- Locks: the keys (advisory), in the order of their numbers.
create function lock_keys(p_actors bigint[], p_keys text[]) returns void language plpgsql as $$
begin
    if num_nonnulls(variadic p_keys) = 0 then
        return;
    end if;
    perform pg_advisory_xact_lock(number)
    from (
        select distinct hashtextextended(key, actor) as number from unnest(p_actors, p_keys) as given (actor, key)
        where key is not null order by number
    ) as lock;
end
$$;
