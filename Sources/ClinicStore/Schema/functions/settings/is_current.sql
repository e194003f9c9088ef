-- Whether this is the version of the settings by which this server decides. A session of a command decides nothing and names none.
create function is_current(p_settings_version bigint) returns boolean language sql stable as $$
    select p_settings_version
        = coalesce(nullif(current_setting('clinic.settings_version', true), '')::bigint, p_settings_version)
$$;
