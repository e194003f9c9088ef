-- Trigger of department, doctor and time_off: tells every server that caches the directory that it changed. It does not say
-- what changed, since a role that may listen need not be one that may read.
--
-- Transactions that notify wait for each other at their commit, so bookings and payments never do: a booking locks its
-- doctor and does not change it.
create or replace function clinic.notify_directory_change() returns trigger language plpgsql
    set search_path = pg_catalog, pg_temp as $$
begin
    perform pg_notify('clinic_directory', '');
    return null;
end
$$;
