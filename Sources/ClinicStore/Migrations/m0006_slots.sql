-- Holds, and bookings that are moved.
--
-- An exclusion constraint cannot look at the clock, so a hold whose time is over still stands in the way of an insert.
-- Everybody who reads it sees EXPIRED, and whoever wants its time turns it into that in the same statement: no
-- sweeper is needed. The clock of holds is the database's alone.

alter table clinic.booking
    add column hold_expires_at timestamptz,
    add constraint booking_hold check (status <> 'HELD' or hold_expires_at is not null);
create index booking_held on clinic.booking (user_id, hold_expires_at) where status = 'HELD';

-- Whether a booking takes up its time.
create function clinic.occupies(status text, hold_expires_at timestamptz) returns boolean language sql stable as $$
    select status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED')
        and (status <> 'HELD' or hold_expires_at > statement_timestamp())
$$;

create or replace view clinic.booking_answer as
select booking.id, booking.start_time, booking.end_time,
    case when booking.status = 'HELD' and hold_expires_at <= statement_timestamp() then 'EXPIRED'
        else booking.status end as status,
    booking.version, user_account.id as user_id, first_name, last_name,
    doctor.id as doctor_id, doctor.full_name, department.id as department_id, department.name as department_name,
    coalesce(payment.ids, '{}') as transaction_ids,
    coalesce(payment.totals, '{}') as transaction_totals,
    coalesce(payment.statuses, '{}') as transaction_statuses,
    case when booking.status in ('HELD', 'EXPIRED') then hold_expires_at end as hold_expires_at
from clinic.booking
join clinic.user_account on user_account.id = booking.user_id
join clinic.doctor on doctor.id = booking.doctor_id
join clinic.department on department.id = doctor.department_id
left join lateral (
    select array_agg(id order by id) as ids, array_agg(total_fee order by id) as totals,
        array_agg(status order by id) as statuses
    from clinic.transaction
    where transaction.booking_id = booking.id and transaction.hidden_at is null
) as payment on true
where booking.hidden_at is null;

-- Turns the holds that have run out and touch a time into EXPIRED, and names what else is in the way: SLOT_TAKEN,
-- PATIENT_BUSY, or null. p_self does not stand in its own way.
create function clinic.make_room(p_doctor bigint, p_user bigint, p_period tstzrange, p_self bigint default null)
returns text language plpgsql as $$
declare
    hold bigint;
begin
    for hold in
        select id from clinic.booking
        where ((doctor_id = p_doctor and period && p_period) or (user_id = p_user and period && p_period))
            and status = 'HELD' and hold_expires_at <= clock_timestamp()
        order by id for no key update
    loop
        perform clinic.expire_hold(hold);
    end loop;

    if exists (
        select from clinic.booking
        where doctor_id = p_doctor and period && p_period and id is distinct from p_self
            and status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED')) then
        return 'SLOT_TAKEN';
    elsif exists (
        select from clinic.booking
        where user_id = p_user and period && p_period and id is distinct from p_self
            and status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED')) then
        return 'PATIENT_BUSY';
    end if;
    return null;
end
$$;

-- Writes down that a locked hold has run out. Nobody asked for that, so the event has no actor.
create function clinic.expire_hold(p_id bigint) returns void language sql as $$
    update clinic.booking set status = 'EXPIRED', version = version + 1 where id = p_id;
    insert into clinic.event (actor_id, method, entity, entity_id, change)
    values (null, 'clinicd/expire-hold', 'booking', p_id, '{"from": "HELD", "status": "EXPIRED"}')
$$;

-- Takes a slot for a patient, held for p_hold_seconds or, if that is null, booked. Nothing slow comes first: only an
-- insert that met something looks what it was.
create function clinic.take_slot(
    p_user bigint, p_doctor bigint, p_start timestamptz, p_end timestamptz, p_fee bigint, p_gst bigint,
    p_hold_seconds bigint, out made bigint, out refusal text)
language plpgsql as $$
begin
    -- ON CONFLICT waits for a rival in flight and does not say which constraint it met; a rival that is gone by then
    -- left room for one more try.
    for attempt in 1..3 loop
        insert into clinic.booking (doctor_id, user_id, start_time, end_time, status, fee, gst, hold_expires_at)
        values (p_doctor, p_user, p_start, p_end, case when p_hold_seconds is null then 'BOOKED' else 'HELD' end,
            p_fee, p_gst, least(clock_timestamp() + p_hold_seconds * interval '1 second',
                case when p_hold_seconds is not null then p_start end))
        on conflict do nothing
        returning id into made;
        exit when made is not null;
        refusal := clinic.make_room(p_doctor, p_user, tstzrange(p_start, p_end));
        exit when refusal is not null;
    end loop;
    if made is null and refusal is null then
        refusal := 'STALE_VERSION';
    end if;
end
$$;

-- Whether doctor and department are still what was decided on; they stay so until the end of the transaction.
create function clinic.keep_terms(p_doctor bigint, p_doctor_version bigint, p_department_version bigint)
returns boolean language plpgsql as $$
begin
    perform 1 from clinic.doctor
    join clinic.department on department.id = doctor.department_id
    where doctor.id = p_doctor and doctor.version = p_doctor_version and doctor.deleted_at is null
        and department.version = p_department_version and department.deleted_at is null
    for share;
    return found;
end
$$;

create or replace function clinic.book_appointment(
    origin clinic.origin, p_user bigint, p_doctor bigint, p_doctor_version bigint, p_department_version bigint,
    p_start timestamptz, p_end timestamptz, p_fee bigint, p_gst bigint)
returns setof clinic.booking_outcome language plpgsql as $$
declare
    taken record;
    answer clinic.booking_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    if not clinic.keep_terms(p_doctor, p_doctor_version, p_department_version) then
        return query select 'STALE_VERSION', null::text[], answer;
        return;
    end if;
    if not clinic.lock_patient(p_user) then
        return query select 'USER_NOT_FOUND', null::text[], answer;
        return;
    end if;
    taken := clinic.take_slot(p_user, p_doctor, p_start, p_end, p_fee, p_gst, null);
    if taken.refusal is not null then
        return query select taken.refusal, null::text[], answer;
        return;
    end if;

    select * into answer from clinic.booking_answer where id = taken.made;
    return query select * from clinic.record(
        origin, 'booking', taken.made, jsonb_build_object('status', 'BOOKED', 'doctor_id', p_doctor,
            'user_id', p_user, 'start_time', p_start, 'end_time', p_end), answer);
end
$$;

-- Holds a slot that was decided on by these versions for p_seconds, but not beyond its start. The patient's row is
-- locked, so that the holds of one patient are counted one after the other.
create function clinic.hold_slot(
    origin clinic.origin, p_user bigint, p_doctor bigint, p_doctor_version bigint, p_department_version bigint,
    p_start timestamptz, p_end timestamptz, p_fee bigint, p_gst bigint, p_seconds bigint, p_limit bigint)
returns setof clinic.booking_outcome language plpgsql as $$
declare
    taken record;
    answer clinic.booking_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    if not clinic.keep_terms(p_doctor, p_doctor_version, p_department_version) then
        return query select 'STALE_VERSION', null::text[], answer;
        return;
    end if;
    perform 1 from clinic.user_account where id = p_user and erased_at is null for no key update;
    if not found then
        return query select 'USER_NOT_FOUND', null::text[], answer;
        return;
    end if;
    if p_limit <= (
        select count(*) from clinic.booking
        where user_id = p_user and status = 'HELD' and hold_expires_at > clock_timestamp()) then
        return query select 'TOO_MANY_HOLDS', array['limit', p_limit::text], answer;
        return;
    end if;
    taken := clinic.take_slot(p_user, p_doctor, p_start, p_end, p_fee, p_gst, p_seconds);
    if taken.refusal is not null then
        return query select taken.refusal, null::text[], answer;
        return;
    end if;

    select * into answer from clinic.booking_answer where id = taken.made;
    return query select * from clinic.record(
        origin, 'booking', taken.made, jsonb_build_object('status', 'HELD', 'doctor_id', p_doctor, 'user_id', p_user,
            'start_time', p_start, 'end_time', p_end, 'hold_expires_at', answer.hold_expires_at), answer);
end
$$;

-- Books what is held, unless it has run out. p_owner is null for the staff; p_version null means whichever is there.
create function clinic.confirm_hold(
    origin clinic.origin, p_id bigint, p_owner bigint, p_version bigint, p_status text, p_from text[])
returns setof clinic.booking_outcome language plpgsql as $$
declare
    old clinic.booking;
    answer clinic.booking_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    select * into old from clinic.booking
    where id = p_id and hidden_at is null and (p_owner is null or user_id = p_owner)
    for no key update;
    if not found then
        return query select 'BOOKING_NOT_FOUND', null::text[], answer;
        return;
    elsif old.status = p_status then
        return query select null::text, null::text[], found_answer
        from clinic.booking_answer as found_answer where id = p_id;
        return;
    elsif p_version is not null and old.version <> p_version then
        return query select 'STALE_ETAG', null::text[], answer;
        return;
    elsif old.status = 'EXPIRED' or old.status = 'HELD' and old.hold_expires_at <= clock_timestamp() then
        return query select 'HOLD_EXPIRED', array['from', 'EXPIRED', 'to', p_status], answer;
        return;
    elsif old.status <> all (p_from) then
        return query select 'INVALID_TRANSITION', array['from', old.status, 'to', p_status], answer;
        return;
    end if;

    update clinic.booking set status = p_status, hold_expires_at = null, version = version + 1 where id = p_id;
    select * into answer from clinic.booking_answer where id = p_id;
    return query select * from clinic.record(
        origin, 'booking', p_id, jsonb_build_object('from', old.status, 'status', p_status), answer);
end
$$;

-- Moves a booking to a time that was decided on by these versions of its doctor and department. It keeps its number,
-- its price and its payments, and where the new time is taken it keeps the old one.
create function clinic.reschedule_booking(
    origin clinic.origin, p_id bigint, p_owner bigint, p_version bigint, p_doctor bigint, p_doctor_version bigint,
    p_department_version bigint, p_start timestamptz, p_end timestamptz, p_from text[], p_starts_after timestamptz)
returns setof clinic.booking_outcome language plpgsql as $$
declare
    old clinic.booking;
    refused text;
    moved boolean := false;
    answer clinic.booking_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    if not clinic.keep_terms(p_doctor, p_doctor_version, p_department_version) then
        return query select 'STALE_VERSION', null::text[], answer;
        return;
    end if;
    select * into old from clinic.booking
    where id = p_id and hidden_at is null and (p_owner is null or user_id = p_owner) and doctor_id = p_doctor
    for no key update;
    if not found then
        return query select 'BOOKING_NOT_FOUND', null::text[], answer;
        return;
    elsif p_version is not null and old.version <> p_version then
        return query select 'STALE_ETAG', null::text[], answer;
        return;
    elsif old.status <> all (p_from) then
        return query select 'INVALID_TRANSITION', array['from', case
            when old.status = 'HELD' and old.hold_expires_at <= clock_timestamp() then 'EXPIRED' else old.status
        end, 'to', p_from[1]], answer;
        return;
    elsif old.start_time <= p_starts_after then
        return query select 'ALREADY_STARTED', null::text[], answer;
        return;
    elsif old.start_time = p_start and old.end_time = p_end then
        return query select null::text, null::text[], found_answer
        from clinic.booking_answer as found_answer where id = p_id;
        return;
    end if;

    -- What is there is looked at first; only a rival in flight is met by the constraint.
    for attempt in 1..3 loop
        refused := clinic.make_room(p_doctor, old.user_id, tstzrange(p_start, p_end), p_id);
        exit when refused is not null;
        begin
            update clinic.booking set start_time = p_start, end_time = p_end, version = version + 1 where id = p_id;
            moved := true;
        exception when exclusion_violation then
            null;
        end;
        exit when moved;
    end loop;
    if not moved then
        return query select coalesce(refused, 'STALE_VERSION'), null::text[], answer;
        return;
    end if;

    select * into answer from clinic.booking_answer where id = p_id;
    return query select * from clinic.record(
        origin, 'booking', p_id,
        jsonb_build_object('from_start_time', old.start_time, 'start_time', p_start, 'end_time', p_end), answer);
end
$$;

-- As before, but for a hold that has run out: that is EXPIRED, and nothing more becomes of it.
create or replace function clinic.update_booking_status(
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
    if old.status = 'HELD' and old.hold_expires_at <= clock_timestamp() then
        old.status := 'EXPIRED';
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
