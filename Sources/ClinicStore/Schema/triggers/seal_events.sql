-- Seals the final events after the last seal, at most p_limit: no event can appear before those any more. Returns the new seal, or no
-- row without such events.
--
-- Locks: the seals (advisory 7411, 6). It runs outside of calls, with the rights of the owner of the tables: the role that serves may
-- add no seal by itself.
create or replace function clinic.seal_events(p_limit bigint)
returns table (seal_number bigint, first_position text, last_position text, event_count bigint, seal_hash text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    before record;
    ends record;
    content record;
    hash bytea;
begin
    perform pg_advisory_xact_lock(7411, 6);
    select coalesce(max(number), 0) as number, coalesce(max(last_transaction_number), 0) as transaction_number,
        coalesce(max(last_sequence), 0) as sequence, (array_agg(digest))[1] as digest
    into before
    from (select * from clinic.event_seal order by number desc limit 1) as newest;
    select min(place) as first, max(place) as last into ends
    from (
        select array[transaction_number, sequence] as place from clinic.event
        where (transaction_number, sequence) > (before.transaction_number, before.sequence)
            and transaction_number < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
        order by transaction_number, sequence limit p_limit
    ) as final;
    if ends.first is null then
        return;
    end if;
    select * into content
    from clinic.event_digest(before.transaction_number, before.sequence, ends.last[1], ends.last[2]);
    hash := clinic.seal_digest(
        before.number + 1, ends.first[1], ends.first[2], ends.last[1], ends.last[2], content.events, content.digest,
        before.digest);
    insert into clinic.event_seal (
        number, first_transaction_number, first_sequence, last_transaction_number, last_sequence, events, digest)
    values (before.number + 1, ends.first[1], ends.first[2], ends.last[1], ends.last[2], content.events, hash);
    return query select before.number + 1, array_to_string(ends.first, '/'), array_to_string(ends.last, '/'), content.events,
        encode(hash, 'hex');
end
$$;
