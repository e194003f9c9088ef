-- What a mutation returns: a refusal by name with its details (key, value, key, value), or the changed row.
create type settings_outcome as (refusal text, detail text[], result settings_record);
