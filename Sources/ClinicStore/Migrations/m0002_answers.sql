-- What a call answers with, and the two halves that every mutation shares: `replay` at its start, `record` at its
-- end.
--
-- A mutation is one function, so that its effect, its event, its ledger entries and its idempotency key are one
-- statement: atomic by itself, one round trip, safe in a group commit. It returns one row (refusal, detail, answer).
-- A refusal is a row, not an error, because an error would abort the statements of other callers in its group.
-- `detail` is a flat list of key, value, key, value.

-- Who asked for a mutation, by which method, and under which key (null when the caller gave none).
create type clinic.origin as (actor bigint, method text, key text, digest bytea);

create view clinic.department_answer as
select id, name, opens, closes, created_date, last_update, version
from clinic.department
where deleted_at is null;

create view clinic.user_answer as
select id, first_name, last_name, phone, email, role, version
from clinic.user_account;

create view clinic.doctor_answer as
select doctor.id, full_name, registration_number, registration_expiry, fee, slot_minutes, gst_free, doctor.version,
    department.id as department_id, department.name as department_name
from clinic.doctor
join clinic.department on department.id = doctor.department_id
where doctor.deleted_at is null;

-- Doctors and departments that were removed since still have their names here.
create view clinic.booking_answer as
select booking.id, booking.start_time, booking.end_time, booking.status, booking.version,
    user_account.id as user_id, first_name, last_name,
    doctor.id as doctor_id, doctor.full_name, department.id as department_id, department.name as department_name,
    coalesce(payment.ids, '{}') as transaction_ids,
    coalesce(payment.totals, '{}') as transaction_totals,
    coalesce(payment.statuses, '{}') as transaction_statuses
from clinic.booking
join clinic.user_account on user_account.id = booking.user_id
join clinic.doctor on doctor.id = booking.doctor_id
join clinic.department on department.id = doctor.department_id
left join lateral (
    -- In order before they are gathered: an aggregate that orders its own input costs a sort each, also of nothing.
    select array_agg(id) as ids, array_agg(total_fee) as totals, array_agg(status) as statuses
    from (
        select id, total_fee, status
        from clinic.transaction
        where transaction.booking_id = booking.id and transaction.hidden_at is null
        order by id
    ) as in_order
) as payment on true
where booking.hidden_at is null;

create view clinic.transaction_answer as
select transaction.id, transaction.fee, transaction.gst, total_fee, refunded_amount, transaction.status,
    transaction.version, booking.id as booking_id, start_time, booking.status as booking_status,
    transaction.user_id
from clinic.transaction
join clinic.booking on booking.id = transaction.booking_id
where transaction.hidden_at is null;

create type clinic.department_outcome as (refusal text, detail text[], answer clinic.department_answer);
create type clinic.user_outcome as (refusal text, detail text[], answer clinic.user_answer);
create type clinic.doctor_outcome as (refusal text, detail text[], answer clinic.doctor_answer);
create type clinic.booking_outcome as (refusal text, detail text[], answer clinic.booking_answer);
create type clinic.transaction_outcome as (refusal text, detail text[], answer clinic.transaction_answer);

-- The stored answer of a key that was used before, KEY_REUSED when it was used for something else, no row when it
-- is new. `shape` is a null of the answer's type. The lock makes a twin in flight wait for the first one's answer.
create function clinic.replay(origin clinic.origin, shape anyelement)
returns table (refusal text, detail text[], answer anyelement) language plpgsql as $$
declare
    used clinic.idempotency_key;
begin
    if origin.key is null then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtextextended(origin.key, origin.actor));
    select * into used from clinic.idempotency_key as earlier
    where earlier.user_id = origin.actor and earlier.key = origin.key;
    if not found then
        return;
    elsif used.method = origin.method and used.request_digest = origin.digest then
        return query select null::text, null::text[], jsonb_populate_record(shape, used.answer);
    else
        return query select 'KEY_REUSED', null::text[], shape;
    end if;
end
$$;

-- Writes the event and the key of an effect, and hands its answer on.
create function clinic.record(
    origin clinic.origin, entity text, entity_id bigint, change jsonb, given anyelement)
returns table (refusal text, detail text[], answer anyelement) language plpgsql as $$
begin
    insert into clinic.event (actor_id, method, entity, entity_id, change)
    values (origin.actor, origin.method, record.entity, record.entity_id, record.change);
    if origin.key is not null then
        insert into clinic.idempotency_key (user_id, key, method, request_digest, answer)
        values (origin.actor, origin.key, origin.method, origin.digest, to_jsonb(given));
    end if;
    return query select null::text, null::text[], given;
end
$$;
