-- Deletes entries of the access log that are older than p_days days, at least 30, among the p_limit ones that come first after the
-- number p_after; returns the number of the last that it deleted, where the next step begins. So a step reads none of the rows that
-- earlier ones deleted. One server calls it at a time, outside of calls.
-- It runs with the rights of the owner of the tables: the role that serves may delete no entry by itself.
create or replace function clinic.forget_access_log(p_days bigint, p_after bigint, p_limit bigint) returns bigint
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    oldest_kept constant timestamptz := now() - greatest(p_days, 30) * interval '1 day';
    last bigint;
begin
    select max(id) into last
    from (
        select id, occurred_at from clinic.access_log where id > p_after order by id limit p_limit
    ) as oldest
    where occurred_at < oldest_kept;
    delete from clinic.access_log where id > p_after and id <= last and occurred_at < oldest_kept;
    return coalesce(last, p_after);
end
$$;
