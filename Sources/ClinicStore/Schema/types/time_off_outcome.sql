-- What a mutation returns: a refusal by name with its details (key, value, key, value), or the changed row.
create type time_off_outcome as (refusal text, detail text[], result time_off_view);
