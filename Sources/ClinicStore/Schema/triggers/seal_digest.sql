-- The digest of a seal: over its figures, the digest of its events and the digest of the seal before (null for the first).
create or replace function clinic.seal_digest(
    number bigint, first_transaction_number bigint, first_sequence bigint, last_transaction_number bigint, last_sequence bigint,
    events bigint, events_digest bytea, digest_before bytea)
returns bytea language sql stable set search_path = pg_catalog, pg_temp as $$
    select sha256(convert_to(row($1, $2, $3, $4, $5, $6, encode($7, 'hex'), encode($8, 'hex'))::text, 'UTF8'))
$$;
