-- Booking and paying for a set of callers by one execution each, for what a statement costs PostgreSQL is mostly to begin
-- and to end it. Only the usual case is handled so: whoever has a key that was used, or meets anything that is not as
-- expected, is left to the function for one caller, which alone says what is refused and why.

create type clinic.effect as (call bigint, origin clinic.origin, entity_id bigint, change jsonb, answer jsonb);
create type clinic.booking_effect as (effect clinic.effect, answer clinic.booking_answer);
create type clinic.transaction_effect as (effect clinic.effect, answer clinic.transaction_answer);

-- Forgets keys that are older than they have to be kept.
create function clinic.forget_keys(p_limit bigint) returns void language sql as $$
    delete from clinic.idempotency_key as expired
    using (
        select user_id, key from clinic.idempotency_key
        where created_at < now() - interval '24 hours'
        order by created_at limit p_limit for update skip locked
    ) as oldest
    where expired.user_id = oldest.user_id and expired.key = oldest.key
$$;

-- As before.
create or replace function clinic.write_down(
    origin clinic.origin, entity text, entity_id bigint, change jsonb, given anyelement)
returns void language plpgsql as $$
declare
    written bigint;
begin
    insert into clinic.event (actor_id, method, entity, entity_id, change)
    values (origin.actor, origin.method, write_down.entity, write_down.entity_id, write_down.change)
    returning sequence into written;
    if origin.key is not null then
        insert into clinic.idempotency_key (user_id, key, method, request_digest, answer)
        values (origin.actor, origin.key, origin.method, origin.digest, to_jsonb(given));
    end if;
    if written % 16 = 0 then
        perform clinic.forget_keys(32);
    end if;
end
$$;

-- The same for many effects.
create function clinic.write_down_all(p_entity text, p_effects clinic.effect[]) returns void language plpgsql as $$
begin
    insert into clinic.event (actor_id, method, entity, entity_id, change)
    select (origin).actor, (origin).method, p_entity, entity_id, change from unnest(p_effects) order by call;
    insert into clinic.idempotency_key (user_id, key, method, request_digest, answer)
    select (origin).actor, (origin).key, (origin).method, (origin).digest, answer from unnest(p_effects)
    where (origin).key is not null;
    perform clinic.forget_keys(2 * cardinality(p_effects));
end
$$;

-- The callers of a set, by their places in it, who have no key or a new one. Of twins that is the first. The locks make
-- a twin in another set wait for the first one's answer, and are taken in one order.
create function clinic.new_calls(p_actors bigint[], p_keys text[]) returns bigint[] language plpgsql as $$
begin
    if num_nulls(variadic p_keys) = cardinality(p_keys) then
        return array(select generate_subscripts(p_keys, 1));
    end if;
    perform pg_advisory_xact_lock(number)
    from (
        select distinct hashtextextended(key, actor) as number from unnest(p_actors, p_keys) as given (actor, key)
        where key is not null order by number
    ) as lock;
    return array(
        select min(call) from unnest(p_actors, p_keys) with ordinality as given (actor, key, call)
        where not exists (
            select from clinic.idempotency_key as used where used.user_id = actor and used.key = given.key)
        group by actor, key, case when key is null then call end);
end
$$;

create function clinic.book_appointments(
    p_actors bigint[], p_methods text[], p_keys text[], p_digests bytea[], p_users bigint[], p_doctors bigint[],
    p_doctor_versions bigint[], p_department_versions bigint[], p_starts timestamptz[], p_ends timestamptz[],
    p_fees bigint[], p_gsts bigint[])
returns table (call bigint, refusal text, detail text[], answer clinic.booking_answer) language plpgsql as $$
declare
    new_calls bigint[] := clinic.new_calls(p_actors, p_keys);
    made clinic.booking_effect[];
    rest bigint;
begin
    with allowed as (
        select given.call, row(actor, method, key, digest)::clinic.origin as origin, given.user_id, given.doctor_id,
            given.start_time, given.end_time, given.fee, given.gst,
            full_name, department_id, department.name as department_name, first_name, last_name
        from unnest(p_actors, p_methods, p_keys, p_digests, p_users, p_doctors, p_doctor_versions, p_department_versions,
                p_starts, p_ends, p_fees, p_gsts)
            with ordinality as given (actor, method, key, digest, user_id, doctor_id, doctor_version, department_version,
                start_time, end_time, fee, gst, call)
        join clinic.doctor on doctor.id = given.doctor_id and doctor.version = given.doctor_version
            and doctor.deleted_at is null
        join clinic.department on department.id = doctor.department_id
            and department.version = given.department_version and department.deleted_at is null
        join clinic.user_account on user_account.id = given.user_id and user_account.erased_at is null
        where given.call = any (new_calls)
        order by given.doctor_id, given.start_time
        for share of doctor, department, user_account
    ), booked as (
        insert into clinic.booking (doctor_id, user_id, start_time, end_time, status, fee, gst)
        select allowed.doctor_id, allowed.user_id, allowed.start_time, allowed.end_time, 'BOOKED', allowed.fee, allowed.gst
        from allowed
        on conflict do nothing
        returning id, doctor_id, user_id, start_time, end_time, status, version
    ), answered as (
        -- Of a patient's calls for the same slot the first has it.
        select distinct on (booked.id) allowed.call, allowed.origin, booked.id,
            jsonb_build_object('status', booked.status, 'doctor_id', booked.doctor_id, 'user_id', booked.user_id,
                'start_time', booked.start_time, 'end_time', booked.end_time) as change,
            row(booked.id, booked.start_time, booked.end_time, booked.status, booked.version, booked.user_id, first_name,
                last_name, booked.doctor_id, full_name, department_id, department_name, '{}', '{}', '{}', null,
                booked.status)::clinic.booking_answer as answer
        from booked
        join allowed on allowed.doctor_id = booked.doctor_id and allowed.start_time = booked.start_time
            and allowed.user_id = booked.user_id
        order by booked.id, allowed.call
    )
    select array_agg(row(
        row(answered.call, origin, id, change, case when (origin).key is not null then to_jsonb(answered.answer) end),
        answered.answer)::clinic.booking_effect)
    into made from answered;

    perform clinic.write_down_all('booking', array(select effect from unnest(made)));
    return query select (effect).call, null::text, null::text[], done.answer from unnest(made) as done;
    for rest in
        select generate_subscripts(p_actors, 1) except select (effect).call from unnest(made)
    loop
        return query select rest, single.* from clinic.book_appointment(
            row(p_actors[rest], p_methods[rest], p_keys[rest], p_digests[rest])::clinic.origin, p_users[rest],
            p_doctors[rest], p_doctor_versions[rest], p_department_versions[rest], p_starts[rest], p_ends[rest],
            p_fees[rest], p_gsts[rest]) as single;
    end loop;
end
$$;

create function clinic.pay_bookings(
    p_actors bigint[], p_methods text[], p_keys text[], p_digests bytea[], p_bookings bigint[], p_owners bigint[],
    p_payable text[], p_confirmed_from text[])
returns table (call bigint, refusal text, detail text[], answer clinic.transaction_answer) language plpgsql as $$
declare
    new_calls bigint[] := clinic.new_calls(p_actors, p_keys);
    made clinic.transaction_effect[];
    rest bigint;
begin
    with payable as (
        select given.call, row(actor, method, key, digest)::clinic.origin as origin, booking.id, booking.user_id,
            booking.fee, booking.gst, booking.start_time,
            case when booking.status = any (p_confirmed_from) then 'CONFIRMED' else booking.status end as status_after
        from unnest(p_actors, p_methods, p_keys, p_digests, p_bookings, p_owners)
            with ordinality as given (actor, method, key, digest, booking_id, owner_id, call)
        join clinic.booking on booking.id = given.booking_id and hidden_at is null
            and (given.owner_id is null or booking.user_id = given.owner_id) and booking.status = any (p_payable)
        where given.call = any (new_calls)
        order by booking.id
        for no key update of booking
    ), paid as (
        insert into clinic.transaction (booking_id, user_id, fee, gst, total_fee, status)
        -- Of two who pay for one booking, the first.
        select distinct on (payable.id) payable.id, payable.user_id, payable.fee, payable.gst,
            payable.fee + payable.gst, 'PAID'
        from payable order by payable.id, payable.call
        on conflict (booking_id) where status in ('PENDING', 'PAID', 'PARTIALLY_REFUNDED') do nothing
        returning *
    ), answered as (
        select distinct on (paid.id) payable.call, payable.origin, paid.id,
            jsonb_build_object('status', paid.status, 'booking_id', paid.booking_id, 'total_fee', paid.total_fee)
                as change,
            row(paid.id, paid.fee, paid.gst, paid.total_fee, paid.refunded_amount, paid.status, paid.version,
                paid.booking_id, payable.start_time, payable.status_after, paid.user_id)::clinic.transaction_answer
                as answer
        from paid join payable on payable.id = paid.booking_id
        order by paid.id, payable.call
    )
    select array_agg(row(
        row(answered.call, origin, id, change, case when (origin).key is not null then to_jsonb(answered.answer) end),
        answered.answer)::clinic.transaction_effect)
    into made from answered;

    insert into clinic.ledger_entry (journal, transaction_id, kind, account, amount)
    select journal.number, journal.id, 'PAYMENT', entry.account, entry.amount
    from (
        select nextval('clinic.ledger_journal') as number, (done.answer).id, (done.answer).fee, (done.answer).gst
        from unnest(made) as done
    ) as journal,
        lateral (values ('clearing', fee + gst), ('revenue', -fee), ('gst_payable', -gst)) as entry (account, amount)
    where entry.amount <> 0;
    update clinic.booking set status = (done.answer).booking_status, version = booking.version + 1
    from unnest(made) as done where booking.id = (done.answer).booking_id;

    perform clinic.write_down_all('transaction', array(select effect from unnest(made)));
    return query select (effect).call, null::text, null::text[], done.answer from unnest(made) as done;
    for rest in
        select generate_subscripts(p_actors, 1) except select (effect).call from unnest(made)
    loop
        return query select rest, single.* from clinic.pay_booking(
            row(p_actors[rest], p_methods[rest], p_keys[rest], p_digests[rest])::clinic.origin, p_bookings[rest],
            p_owners[rest], p_payable, p_confirmed_from) as single;
    end loop;
end
$$;

-- A journal is written by one statement, so it can be looked at as soon as that is through, all entries together: one
-- look at the end of the transaction for each entry took a third of a payment's time.
drop trigger ledger_entry_balances on clinic.ledger_entry;
create or replace function clinic.check_journal_balances() returns trigger language plpgsql as $$
begin
    if exists (select from written group by journal having sum(amount) <> 0) then
        raise exception 'a journal does not sum to zero' using errcode = 'check_violation';
    end if;
    return null;
end
$$;
create trigger ledger_entry_balances after insert on clinic.ledger_entry
    referencing new table as written for each statement execute function clinic.check_journal_balances();
