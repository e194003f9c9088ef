-- Trigger of user_account: marks a row whose role, token version or erasure changes with the transaction's number. Servers
-- find by it whose cached access is out of date, also after a change by hand.
create or replace function clinic.stamp_access_change() returns trigger language plpgsql
    set search_path = pg_catalog, pg_temp as $$
begin
    new.access_changed_by := pg_current_xact_id()::text::bigint;
    return new;
end
$$;
