-- The callers of a batch, by their places in it, who have no key or a new one; of twins the first. A twin in another batch
-- waits for the first one's response.
--
-- Locks: the keys (lock_keys).
create function claim_keys(p_actors bigint[], p_keys text[]) returns bigint[] language plpgsql as $$
begin
    if num_nulls(variadic p_keys) = cardinality(p_keys) then
        return array(select generate_subscripts(p_keys, 1));
    end if;
    perform lock_keys(p_actors, p_keys);
    return array(
        select min(call) from unnest(p_actors, p_keys) with ordinality as given (actor, key, call)
        where not exists (
            select from clinic.idempotency_key as used where used.user_id = actor and used.key = given.key)
        group by actor, key, case when key is null then call end);
end
$$;
