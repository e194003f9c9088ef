-- The number of the events after one position and up to another, and the SHA-256 digest of their digests in this order.
create or replace function clinic.event_digest(
    after_transaction_number bigint, after_sequence bigint, last_transaction_number bigint, last_sequence bigint,
    out events bigint, out digest bytea)
language sql stable
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO, MDY' as $$
    select count(*), sha256(coalesce(string_agg(
        sha256(convert_to(
            row(sequence, transaction_number, occurred_at, actor_id, user_id, doctor_id, method, entity, entity_id, change)::text,
            'UTF8')),
        ''::bytea order by transaction_number, sequence), ''::bytea))
    from clinic.event
    where (transaction_number, sequence) > ($1, $2) and (transaction_number, sequence) <= ($3, $4)
$$;
