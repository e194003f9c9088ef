-- What a mutation returns: a refusal by name with its details (key, value, key, value), or the changed row.
create type booking_outcome as (refusal text, detail text[], result booking_view);
