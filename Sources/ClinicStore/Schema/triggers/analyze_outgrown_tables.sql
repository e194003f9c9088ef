-- Makes the statistics of the tables that have doubled since theirs were made: by pages, or by rows, which count once they are
-- committed. Connections keep the plans of their statements until PostgreSQL has new statistics, and autovacuum makes them a minute
-- later, or never where it is off: until then, a row of a table that was empty would be looked for in all of it.
--
-- It runs with the rights of the owner of the tables, who alone may analyse them. One server calls it at a time, outside of calls.
create or replace function clinic.analyze_outgrown_tables() returns void language plpgsql
    security definer set search_path = pg_catalog, pg_temp as $$
declare
    outgrown text;
begin
    for outgrown in
        select oid::regclass::text from pg_class
        where relnamespace = 'clinic'::regnamespace and relkind = 'r' and pg_relation_size(oid) > 0
            and (pg_relation_size(oid) / 8192 > 2 * relpages
                or pg_stat_get_mod_since_analyze(oid) > greatest(reltuples, 200)
                or current_setting('track_counts')::boolean
                    and coalesce(pg_stat_get_last_analyze_time(oid), pg_stat_get_last_autoanalyze_time(oid)) is null)
    loop
        execute 'analyze ' || outgrown;
    end loop;
end
$$;
