-- Partial refunds, receipts, the reader of events, the purge of old keys, and what reports read by.

-- What a status says about the money is a rule of the table, whoever writes it.
alter table clinic.transaction add constraint transaction_refund_status check (
    case status
        when 'PARTIALLY_REFUNDED' then 0 < refunded_amount and refunded_amount < total_fee
        when 'REFUNDED' then refunded_amount = total_fee
        when 'VOIDED' then refunded_amount = total_fee
        else refunded_amount = 0
    end);

drop function clinic.refund_transaction(clinic.origin, bigint, text[]);

-- Gives these parts back, as decided on this version of the transaction; p_status is where it stands afterwards.
-- A booking in p_cancelled_from is cancelled with it, which frees its slot; a part of a payment cancels none.
create function clinic.refund_transaction(
    origin clinic.origin, p_id bigint, p_version bigint, p_fee bigint, p_gst bigint, p_status text,
    p_cancelled_from text[])
returns setof clinic.transaction_outcome language plpgsql as $$
declare
    old clinic.transaction;
    answer clinic.transaction_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    old := clinic.lock_transaction(p_id);
    if old.id is null then
        return query select 'TRANSACTION_NOT_FOUND', null::text[], answer;
        return;
    elsif old.version <> p_version then
        return query select 'STALE_VERSION', null::text[], answer;
        return;
    end if;

    perform clinic.post(p_id, 'REFUND', -p_fee, -p_gst);
    update clinic.transaction
    set refunded_amount = refunded_amount + p_fee + p_gst, refunded_gst = refunded_gst + p_gst, status = p_status,
        version = version + 1
    where id = p_id;
    update clinic.booking
    set status = case when status = any (p_cancelled_from) then 'CANCELLED' else status end, version = version + 1
    where id = old.booking_id;

    select * into answer from clinic.transaction_answer where id = p_id;
    return query select * from clinic.record(
        origin, 'transaction', p_id,
        jsonb_build_object('from', old.status, 'status', p_status, 'booking_id', old.booking_id,
            'refunded', p_fee + p_gst),
        answer);
end
$$;

-- A receipt: a transaction with the names on it and, from the ledger, what was given back.
create view clinic.receipt_answer as
select transaction_answer.*, transaction.created_at as paid_at, first_name, last_name, doctor.id as doctor_id,
    doctor.full_name, department.id as department_id, department.name as department_name,
    coalesce(refund.times, '{}') as refund_times, coalesce(refund.fees, '{}') as refund_fees,
    coalesce(refund.gsts, '{}') as refund_gsts
from clinic.transaction_answer
join clinic.transaction on transaction.id = transaction_answer.id
join clinic.booking on booking.id = transaction.booking_id
join clinic.user_account on user_account.id = transaction.user_id
join clinic.doctor on doctor.id = booking.doctor_id
join clinic.department on department.id = doctor.department_id
left join lateral (
    select array_agg(microseconds order by journal) as times, array_agg(fee order by journal) as fees,
        array_agg(gst order by journal) as gsts
    from (
        select journal, (extract(epoch from min(created_at)) * 1000000)::bigint as microseconds,
            coalesce(sum(amount) filter (where account = 'revenue'), 0)::bigint as fee,
            coalesce(sum(amount) filter (where account = 'gst_payable'), 0)::bigint as gst
        from clinic.ledger_entry
        where transaction_id = transaction_answer.id and kind = 'REFUND'
        group by journal
    ) as given_back
) as refund on true
where transaction_answer.status in ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED');

-- Events as a reader may have them: in the order (transaction number, sequence), and only below the oldest running
-- transaction. What is there is final and nothing can appear before it any more, so that a reader who goes on after
-- the last position it saw misses nothing and sees nothing twice, in whatever order transactions commit.
drop index clinic.event_in_commit_order, clinic.event_of_entity;
create index event_by_position on clinic.event ((transaction_number::text::bigint), sequence);
create index event_of_entity on clinic.event (entity, entity_id, (transaction_number::text::bigint), sequence);
create index event_of_actor on clinic.event (actor_id, (transaction_number::text::bigint), sequence);
create index event_by_time on clinic.event using brin (occurred_at);

create view clinic.event_answer as
select transaction_number::text::bigint as position, sequence, occurred_at, actor_id, method, entity, entity_id,
    change
from clinic.event
where transaction_number::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- Reports read ranges of time in tables that grow with time: a block range index finds them and costs writers nothing.
create index ledger_entry_by_time on clinic.ledger_entry using brin (created_at);
create index booking_report on clinic.booking using brin (start_time);

-- Writes the event and the key of an effect, and hands its answer on. One write in sixteen also clears away some keys
-- that are older than a day: more than were added since the last time, and never so many that its caller notices.
create or replace function clinic.record(
    origin clinic.origin, entity text, entity_id bigint, change jsonb, given anyelement)
returns table (refusal text, detail text[], answer anyelement) language plpgsql as $$
declare
    written bigint;
begin
    insert into clinic.event (actor_id, method, entity, entity_id, change)
    values (origin.actor, origin.method, record.entity, record.entity_id, record.change)
    returning sequence into written;
    if origin.key is not null then
        insert into clinic.idempotency_key (user_id, key, method, request_digest, answer)
        values (origin.actor, origin.key, origin.method, origin.digest, to_jsonb(given));
    end if;
    if written % 16 = 0 then
        delete from clinic.idempotency_key as expired
        using (
            select user_id, key from clinic.idempotency_key
            where created_at < now() - interval '24 hours'
            order by created_at limit 32 for update skip locked
        ) as oldest
        where expired.user_id = oldest.user_id and expired.key = oldest.key;
    end if;
    return query select null::text, null::text[], given;
end
$$;
