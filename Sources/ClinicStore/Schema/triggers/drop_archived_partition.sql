-- Drops a partition of events that stands in an archive, which was made while no transaction before p_next was running, and
-- remembers where the trail begins now. Raises an exception if the partition has an event that the archive cannot have.
--
-- Locks: all of event, by the detachment, so that nobody is about to write into the partition. The caller sets a short lock_timeout.
create or replace function clinic.drop_archived_partition(p_number bigint, p_events bigint, p_next bigint) returns void
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    partition constant text := format('event_%s', to_char(p_number, 'FM00000'));
    last record;
begin
    execute format('alter table clinic.event detach partition clinic.%I', partition);
    execute format(
        'select transaction_number, sequence from clinic.%I order by transaction_number desc, sequence desc limit 1', partition)
        into strict last;
    if last.transaction_number >= p_next then
        raise exception 'the partition % was written while it was archived', partition;
    end if;
    execute format(
        'insert into clinic.event_archive (partition, events, transaction_number, sequence, last_occurred_at)
            select $1, $2, $3, $4, max(occurred_at) from clinic.%I', partition)
        using p_number, p_events, last.transaction_number, last.sequence;
    execute format('drop table clinic.%I', partition);
end
$$;
