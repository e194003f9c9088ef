-- Who asked for a mutation, by which method, and under which idempotency key with the digest of the request (null when the
-- caller gave none).
create type request_context as (actor bigint, method text, key text, digest bytea);
