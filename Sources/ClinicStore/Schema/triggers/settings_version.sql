-- The version of the settings, with which a department is made.
create or replace function clinic.settings_version() returns bigint language plpgsql stable
    set search_path = pg_catalog, pg_temp as $$
begin
    return coalesce((select version from clinic.settings), 1);
end
$$;
