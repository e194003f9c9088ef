-- What a mutation returns: a refusal by name with its details (key, value, key, value), or the changed row.
create type password_reset_outcome as (refusal text, detail text[], result password_reset_record);
