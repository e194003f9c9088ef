-- Mutations of bookings and transactions. Each locks the booking row before anything about money, so that any two
-- of them on one booking come one after the other. Which move is allowed from where and when is decided by the
-- state tables of the Scheduling module and arrives as parameters; the conditions are checked here, under the lock.

-- Books a slot that was decided on by these versions of the doctor and the department. The share locks hold both as
-- they are until the booking is committed.
create function clinic.book_appointment(
    origin clinic.origin, p_user bigint, p_doctor bigint, p_doctor_version bigint, p_department_version bigint,
    p_start timestamptz, p_end timestamptz, p_fee bigint, p_gst bigint)
returns setof clinic.booking_outcome language plpgsql as $$
declare
    made bigint;
    answer clinic.booking_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    perform 1 from clinic.doctor
    join clinic.department on department.id = doctor.department_id
    where doctor.id = p_doctor and doctor.version = p_doctor_version and doctor.deleted_at is null
        and department.version = p_department_version and department.deleted_at is null
    for share;
    if not found then
        return query select 'STALE_VERSION', null::text[], answer;
        return;
    end if;
    perform 1 from clinic.user_account where id = p_user;
    if not found then
        return query select 'USER_NOT_FOUND', null::text[], answer;
        return;
    end if;

    -- ON CONFLICT waits for a rival in flight and does not say which constraint it met, so look; a rival that is
    -- gone by then left room for one more try.
    for attempt in 1..3 loop
        insert into clinic.booking (doctor_id, user_id, start_time, end_time, status, fee, gst)
        values (p_doctor, p_user, p_start, p_end, 'BOOKED', p_fee, p_gst)
        on conflict do nothing
        returning id into made;
        exit when made is not null;

        if exists (
            select from clinic.booking
            where doctor_id = p_doctor and period && tstzrange(p_start, p_end)
                and status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED')) then
            return query select 'SLOT_TAKEN', null::text[], answer;
            return;
        elsif exists (
            select from clinic.booking
            where user_id = p_user and period && tstzrange(p_start, p_end)
                and status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED')) then
            return query select 'PATIENT_BUSY', null::text[], answer;
            return;
        end if;
    end loop;
    if made is null then
        return query select 'STALE_VERSION', null::text[], answer;
        return;
    end if;

    select * into answer from clinic.booking_answer where id = made;
    return query select * from clinic.record(
        origin, 'booking', made, jsonb_build_object('status', 'BOOKED', 'doctor_id', p_doctor, 'user_id', p_user,
            'start_time', p_start, 'end_time', p_end), answer);
end
$$;

-- Enters a payment's parts into the ledger; a refund's or a void's parts are negative.
create function clinic.post(p_transaction bigint, p_kind text, p_fee bigint, p_gst bigint)
returns void language sql as $$
    insert into clinic.ledger_entry (journal, transaction_id, kind, account, amount)
    select journal.number, p_transaction, p_kind, entry.account, entry.amount
    from (select nextval('clinic.ledger_journal') as number) as journal,
        (values ('clearing', p_fee + p_gst), ('revenue', -p_fee), ('gst_payable', -p_gst)) as entry (account, amount)
    where entry.amount <> 0
$$;

-- Gives back all that is left of the live payment of a booking, if there is one. Answers its number, or null.
create function clinic.reverse_payment(p_booking bigint, p_kind text, p_status text)
returns bigint language plpgsql as $$
declare
    live clinic.transaction;
begin
    select * into live from clinic.transaction
    where booking_id = p_booking and status in ('PAID', 'PARTIALLY_REFUNDED') for update;
    if not found then
        return null;
    end if;
    perform clinic.post(live.id, p_kind,
        -(live.fee - (live.refunded_amount - live.refunded_gst)), -(live.gst - live.refunded_gst));
    update clinic.transaction
    set refunded_amount = total_fee, refunded_gst = gst, status = p_status, version = version + 1
    where id = live.id;
    return live.id;
end
$$;

-- Moves a booking to p_status. p_owner is null for the staff; p_version null means whichever is there.
-- A time condition that does not apply is null: the booking has to start after p_starts_after, at or before
-- p_starts_by; it is refunded when it starts at or after p_refund_from.
create function clinic.update_booking_status(
    origin clinic.origin, p_id bigint, p_owner bigint, p_version bigint, p_status text, p_from text[],
    p_starts_after timestamptz, p_starts_by timestamptz, p_refund_from timestamptz, p_hide boolean)
returns setof clinic.booking_outcome language plpgsql as $$
declare
    old clinic.booking;
    answer clinic.booking_answer;
    refunded bigint;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    select * into old from clinic.booking
    where id = p_id and hidden_at is null and (p_owner is null or user_id = p_owner)
    for no key update;
    if not found then
        return query select 'BOOKING_NOT_FOUND', null::text[], answer;
        return;
    end if;
    if old.status = p_status and not p_hide then
        return query select null::text, null::text[], found_answer
        from clinic.booking_answer as found_answer where id = p_id;
        return;
    end if;
    if p_version is not null and old.version <> p_version then
        return query select 'STALE_ETAG', null::text[], answer;
        return;
    end if;
    if old.status <> p_status then
        if old.status <> all (p_from) then
            return query select 'INVALID_TRANSITION', array['from', old.status, 'to', p_status], answer;
            return;
        elsif old.start_time <= p_starts_after then
            return query select 'ALREADY_STARTED', null::text[], answer;
            return;
        elsif old.start_time > p_starts_by then
            return query select 'NOT_STARTED', null::text[], answer;
            return;
        end if;
        if old.start_time >= p_refund_from then
            refunded := clinic.reverse_payment(p_id, 'REFUND', 'REFUNDED');
        end if;
    end if;

    update clinic.booking set status = p_status, version = version + 1 where id = p_id;
    select * into answer from clinic.booking_answer where id = p_id;
    if p_hide then
        update clinic.booking set hidden_at = clock_timestamp() where id = p_id;
    end if;
    return query select * from clinic.record(
        origin, 'booking', p_id,
        jsonb_strip_nulls(jsonb_build_object('from', old.status, 'status', p_status, 'hidden', p_hide,
            'refunded_transaction_id', refunded)),
        answer);
end
$$;

-- Settles a booking at once, at the price fixed when it was made.
create function clinic.pay_booking(
    origin clinic.origin, p_booking bigint, p_owner bigint, p_payable text[], p_confirmed_from text[])
returns setof clinic.transaction_outcome language plpgsql as $$
declare
    paid clinic.booking;
    made bigint;
    answer clinic.transaction_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    select * into paid from clinic.booking
    where id = p_booking and hidden_at is null and (p_owner is null or user_id = p_owner)
    for no key update;
    if not found then
        return query select 'BOOKING_NOT_FOUND', null::text[], answer;
        return;
    elsif paid.status <> all (p_payable) then
        return query select 'NOT_PAYABLE', array['status', paid.status], answer;
        return;
    end if;

    insert into clinic.transaction (booking_id, user_id, fee, gst, total_fee, status)
    values (p_booking, paid.user_id, paid.fee, paid.gst, paid.fee + paid.gst, 'PAID')
    on conflict (booking_id) where status in ('PENDING', 'PAID', 'PARTIALLY_REFUNDED') do nothing
    returning id into made;
    if made is null then
        return query select 'ALREADY_PAID', null::text[], answer;
        return;
    end if;
    perform clinic.post(made, 'PAYMENT', paid.fee, paid.gst);
    update clinic.booking
    set status = case when status = any (p_confirmed_from) then 'CONFIRMED' else status end, version = version + 1
    where id = p_booking;

    select * into answer from clinic.transaction_answer where id = made;
    return query select * from clinic.record(
        origin, 'transaction', made,
        jsonb_build_object('status', 'PAID', 'booking_id', p_booking, 'total_fee', paid.fee + paid.gst), answer);
end
$$;

-- Locks the booking of a transaction, and after it the transaction.
create function clinic.lock_transaction(p_id bigint) returns clinic.transaction language plpgsql as $$
declare
    locked clinic.transaction;
begin
    perform 1 from clinic.booking
    where id = (select booking_id from clinic.transaction where id = p_id) for no key update;
    select * into locked from clinic.transaction where id = p_id and hidden_at is null for update;
    return locked;
end
$$;

-- Gives back all that is left; a booking in p_cancelled_from is cancelled with it, which frees its slot.
create function clinic.refund_transaction(origin clinic.origin, p_id bigint, p_cancelled_from text[])
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
    elsif old.status not in ('PAID', 'PARTIALLY_REFUNDED') then
        return query select 'NOTHING_TO_REFUND', array['status', old.status], answer;
        return;
    end if;

    perform clinic.reverse_payment(old.booking_id, 'REFUND', 'REFUNDED');
    update clinic.booking
    set status = case when status = any (p_cancelled_from) then 'CANCELLED' else status end, version = version + 1
    where id = old.booking_id;

    select * into answer from clinic.transaction_answer where id = p_id;
    return query select * from clinic.record(
        origin, 'transaction', p_id,
        jsonb_build_object('from', old.status, 'status', 'REFUNDED', 'booking_id', old.booking_id,
            'refunded', old.total_fee - old.refunded_amount),
        answer);
end
$$;

-- Hides a transaction. One that is still paid is reversed first; a booking in p_unconfirmed_from is booked again.
create function clinic.delete_transaction(origin clinic.origin, p_id bigint, p_unconfirmed_from text[])
returns setof clinic.transaction_outcome language plpgsql as $$
declare
    old clinic.transaction;
    new_status text;
    answer clinic.transaction_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    old := clinic.lock_transaction(p_id);
    if old.id is null then
        return query select 'TRANSACTION_NOT_FOUND', null::text[], answer;
        return;
    elsif old.status = 'PENDING' then
        return query select 'TRANSACTION_PENDING', null::text[], answer;
        return;
    end if;

    new_status := old.status;
    if old.status in ('PAID', 'PARTIALLY_REFUNDED') then
        new_status := 'VOIDED';
        perform clinic.reverse_payment(old.booking_id, 'VOID', new_status);
        update clinic.booking
        set status = case when status = any (p_unconfirmed_from) then 'BOOKED' else status end, version = version + 1
        where id = old.booking_id;
    end if;

    select * into answer from clinic.transaction_answer where id = p_id;
    update clinic.transaction set hidden_at = clock_timestamp() where id = p_id;
    return query select * from clinic.record(
        origin, 'transaction', p_id,
        jsonb_build_object('from', old.status, 'status', new_status, 'hidden', true), answer);
end
$$;
