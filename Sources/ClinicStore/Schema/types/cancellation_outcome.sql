-- What a mutation returns that cancels bookings: a refusal by name with its details (key, value, key, value), or what it cancelled.
create type cancellation_outcome as (refusal text, detail text[], result cancellations);
