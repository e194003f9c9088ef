-- Adds partitions of ten million events each to the table event until p_ahead of them lie above the one that is written
-- now, and says how many it added. Each server calls it when it starts and every few seconds, so that an event always has
-- a partition; there is no default partition that could collect events unnoticed.
--
-- A partition is made as a table and then attached: that takes a lock on event that lets reads and writes go on. Callers
-- wait for each other (advisory lock 7411, 2). It runs with the rights of the owner of the tables: the role that serves may make none.
create or replace function clinic.add_event_partitions(p_ahead bigint) returns bigint language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
declare
    size constant bigint := 10000000;
    current bigint;
    partition text;
    added bigint := 0;
begin
    perform pg_advisory_xact_lock(7411, 2);
    select last_value / size into current from clinic.event_sequence;
    for number in current..current + p_ahead loop
        partition := format('event_%s', to_char(number, 'FM00000'));
        continue when to_regclass('clinic.' || partition) is not null;
        execute format('create table clinic.%I (like clinic.event including defaults including constraints)', partition);
        -- The right to change history is given up on each partition as it is on the whole table.
        execute format('revoke update, delete, truncate on clinic.%I from current_user', partition);
        execute format('alter table clinic.event attach partition clinic.%I for values from (%s) to (%s)',
            partition, number * size, (number + 1) * size);
        added := added + 1;
    end loop;
    return added;
end
$$;
