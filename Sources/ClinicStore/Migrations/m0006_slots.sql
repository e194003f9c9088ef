-- Holds, weekly hours, time off, moving a booking, and removing what still has bookings.
--
-- An exclusion constraint cannot look at the clock, so a hold whose time is over still stands in the way of an insert.
-- Everybody who reads it sees EXPIRED, and whoever wants its time turns it into that in the same statement: no
-- sweeper is needed. The clock of holds is the database's alone.

-- Whether numbers are a week: minutes since Monday 00:00, a start and an end in turn, ascending, none over midnight.
create function clinic.is_week(minutes bigint[]) returns boolean language sql immutable as $$
    select cardinality(minutes) % 2 = 0 and coalesce(bool_and(
        case when place % 2 = 1
            then minute between 0 and 10079 and minutes[place + 1] > minute
                and minutes[place + 1] <= (minute / 1440 + 1) * 1440
            else place = cardinality(minutes) or minutes[place + 1] >= minute
        end), true)
    from unnest(minutes) with ordinality as one (minute, place)
$$;

alter table clinic.doctor
    -- Empty: the doctor works whenever the department is open.
    add column weekly_hours bigint[] not null default '{}',
    add constraint doctor_weekly_hours check (clinic.is_week(weekly_hours));

-- The length is bounded, so that a search for what touches a time need not look at all that began before it.
create table clinic.time_off (
    id bigint generated always as identity primary key,
    doctor_id bigint not null references clinic.doctor on delete restrict,
    start_time timestamptz not null,
    end_time timestamptz not null,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint time_off_period check (start_time < end_time),
    constraint time_off_length check (end_time - start_time <= interval '8784 hours')
);
create index time_off_of_doctor on clinic.time_off (doctor_id, start_time, id) where deleted_at is null;
create index time_off_by_start on clinic.time_off (start_time, id) where deleted_at is null;

alter table clinic.booking
    add column hold_expires_at timestamptz,
    add constraint booking_hold check (status <> 'HELD' or hold_expires_at is not null);
create index booking_held on clinic.booking (user_id, hold_expires_at) where status = 'HELD';

-- Whether a booking takes up its time.
create function clinic.occupies(status text, hold_expires_at timestamptz) returns boolean language sql stable as $$
    select status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED')
        and (status <> 'HELD' or hold_expires_at > statement_timestamp())
$$;

create or replace view clinic.doctor_answer as
select doctor.id, full_name, registration_number, registration_expiry, fee, slot_minutes, gst_free, doctor.version,
    department.id as department_id, department.name as department_name, weekly_hours
from clinic.doctor
join clinic.department on department.id = doctor.department_id
where doctor.deleted_at is null;

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

create view clinic.time_off_answer as
select time_off.id, time_off.doctor_id, doctor.full_name, department.id as department_id,
    department.name as department_name, time_off.start_time, time_off.end_time,
    (
        select count(*) from clinic.booking
        where booking.doctor_id = time_off.doctor_id
            and booking.period && tstzrange(time_off.start_time, time_off.end_time)
            and booking.status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED')
            and clinic.occupies(booking.status, booking.hold_expires_at)
    ) as conflicting_bookings
from clinic.time_off
join clinic.doctor on doctor.id = time_off.doctor_id
join clinic.department on department.id = doctor.department_id
where time_off.deleted_at is null and doctor.deleted_at is null;

create type clinic.time_off_outcome as (refusal text, detail text[], answer clinic.time_off_answer);

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

-- Replaces a doctor's weekly hours, which were decided on by these versions.
create function clinic.set_doctor_schedule(
    origin clinic.origin, p_id bigint, p_version bigint, p_department_version bigint, p_weekly_hours bigint[])
returns setof clinic.doctor_outcome language plpgsql as $$
declare
    answer clinic.doctor_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    perform 1 from clinic.department
    where id = (select department_id from clinic.doctor where id = p_id) and version = p_department_version
        and deleted_at is null
    for share;
    if found then
        update clinic.doctor set weekly_hours = p_weekly_hours, version = version + 1
        where id = p_id and version = p_version and deleted_at is null;
    end if;
    if not found then
        return query select 'STALE_VERSION', null::text[], answer;
        return;
    end if;

    select * into answer from clinic.doctor_answer where id = p_id;
    return query select * from clinic.record(
        origin, 'doctor', p_id, jsonb_build_object('weekly_hours', p_weekly_hours), answer);
end
$$;

-- Time off is a new version of its doctor: who decided on an appointment before it has to decide again.
create function clinic.create_time_off(
    origin clinic.origin, p_doctor bigint, p_start timestamptz, p_end timestamptz)
returns setof clinic.time_off_outcome language plpgsql as $$
declare
    made bigint;
    answer clinic.time_off_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    update clinic.doctor set version = version + 1 where id = p_doctor and deleted_at is null;
    if not found then
        return query select 'DOCTOR_NOT_FOUND', null::text[], answer;
        return;
    end if;
    insert into clinic.time_off (doctor_id, start_time, end_time) values (p_doctor, p_start, p_end)
    returning id into made;

    select * into answer from clinic.time_off_answer where id = made;
    return query select * from clinic.record(
        origin, 'time_off', made,
        jsonb_build_object('doctor_id', p_doctor, 'start_time', p_start, 'end_time', p_end), answer);
end
$$;

create function clinic.delete_time_off(origin clinic.origin, p_id bigint)
returns setof clinic.time_off_outcome language plpgsql as $$
declare
    answer clinic.time_off_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    -- The doctor's row first: time off is only ever made and ended under its lock.
    update clinic.doctor set version = version + 1
    where id = (select doctor_id from clinic.time_off_answer where time_off_answer.id = p_id);
    select * into answer from clinic.time_off_answer where id = p_id;
    if not found then
        return query select 'TIME_OFF_NOT_FOUND', null::text[], answer;
        return;
    end if;

    update clinic.time_off set deleted_at = clock_timestamp() where id = p_id;
    return query select * from clinic.record(
        origin, 'time_off', p_id, jsonb_build_object('deleted', true, 'doctor_id', answer.doctor_id), answer);
end
$$;

-- Cancels a locked booking as the clinic: what was paid for it comes back in full. Answers 1, or 0 for a hold that
-- had run out.
create function clinic.cancel_locked(origin clinic.origin, old clinic.booking) returns bigint language plpgsql as $$
declare
    refunded bigint;
begin
    if old.status = 'HELD' and old.hold_expires_at <= clock_timestamp() then
        perform clinic.expire_hold(old.id);
        return 0;
    end if;
    refunded := clinic.reverse_payment(old.id, 'REFUND', 'REFUNDED');
    update clinic.booking set status = 'CANCELLED', version = version + 1 where id = old.id;
    insert into clinic.event (actor_id, method, entity, entity_id, change)
    values (origin.actor, origin.method, 'booking', old.id, jsonb_strip_nulls(jsonb_build_object(
        'from', old.status, 'status', 'CANCELLED', 'refunded_transaction_id', refunded)));
    return 1;
end
$$;

-- Cancels what a locked doctor has ahead. p_from is what may be cancelled: a patient who has arrived is still seen.
create function clinic.cancel_bookings_of_doctor(
    origin clinic.origin, p_doctor bigint, p_now timestamptz, p_from text[])
returns bigint language plpgsql as $$
declare
    old clinic.booking;
    cancelled bigint := 0;
begin
    for old in
        select * from clinic.booking
        where doctor_id = p_doctor and start_time > p_now and status = any (p_from)
        order by id for no key update
    loop
        cancelled := cancelled + clinic.cancel_locked(origin, old);
    end loop;
    return cancelled;
end
$$;

-- As before, but for holds that had run out.
create or replace function clinic.cancel_bookings_of_user(
    origin clinic.origin, p_user bigint, p_now timestamptz, p_from text[])
returns bigint language plpgsql as $$
declare
    old clinic.booking;
    cancelled bigint := 0;
begin
    for old in
        select * from clinic.booking
        where user_id = p_user and start_time > p_now and status = any (p_from)
        order by id for no key update
    loop
        cancelled := cancelled + clinic.cancel_locked(origin, old);
    end loop;
    return cancelled;
end
$$;

drop function clinic.delete_doctor(clinic.origin, bigint, timestamptz);
drop function clinic.delete_department(clinic.origin, bigint, timestamptz);

-- The doctor row is locked first: a booking share-locks it, so none can slip in between the count and the deletion.
-- p_force is empty, or the statuses that are cancelled with it.
create function clinic.delete_doctor(origin clinic.origin, p_id bigint, p_now timestamptz, p_force text[])
returns setof clinic.doctor_outcome language plpgsql as $$
declare
    bookings bigint;
    cancelled bigint;
    answer clinic.doctor_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    perform 1 from clinic.doctor where id = p_id and deleted_at is null for update;
    if not found then
        return query select 'DOCTOR_NOT_FOUND', null::text[], answer;
        return;
    end if;
    select * into answer from clinic.doctor_answer where id = p_id;

    if cardinality(p_force) = 0 then
        select count(*) into bookings from clinic.booking
        where doctor_id = p_id and start_time > p_now and clinic.occupies(status, hold_expires_at);
        if bookings > 0 then
            return query select 'HAS_DEPENDANTS', array['future_bookings', bookings::text], answer;
            return;
        end if;
    else
        cancelled := clinic.cancel_bookings_of_doctor(origin, p_id, p_now, p_force);
    end if;

    update clinic.doctor set deleted_at = clock_timestamp(), version = version + 1 where id = p_id;
    return query select * from clinic.record(
        origin, 'doctor', p_id, jsonb_strip_nulls(jsonb_build_object('deleted', true, 'cancelled', cancelled)),
        answer);
end
$$;

-- The department row is locked first: bookings and registrations share-lock it.
create function clinic.delete_department(origin clinic.origin, p_id bigint, p_now timestamptz, p_force text[])
returns setof clinic.department_outcome language plpgsql as $$
declare
    doctors bigint;
    bookings bigint;
    member bigint;
    cancelled bigint;
    answer clinic.department_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    perform 1 from clinic.department where id = p_id and deleted_at is null for update;
    if not found then
        return query select 'DEPARTMENT_NOT_FOUND', null::text[], answer;
        return;
    end if;
    select * into answer from clinic.department_answer where id = p_id;

    if cardinality(p_force) = 0 then
        select count(*) into doctors from clinic.doctor where department_id = p_id and deleted_at is null;
        select count(*) into bookings from clinic.booking
        where doctor_id in (select id from clinic.doctor where department_id = p_id) and start_time > p_now
            and clinic.occupies(status, hold_expires_at);
        if doctors > 0 or bookings > 0 then
            return query select 'HAS_DEPENDANTS',
                array['doctors', doctors::text, 'future_bookings', bookings::text], answer;
            return;
        end if;
    else
        for member in
            select id from clinic.doctor where department_id = p_id and deleted_at is null order by id for update
        loop
            cancelled := clinic.cancel_bookings_of_doctor(origin, member, p_now, p_force);
            update clinic.doctor set deleted_at = clock_timestamp(), version = version + 1 where id = member;
            insert into clinic.event (actor_id, method, entity, entity_id, change)
            values (origin.actor, origin.method, 'doctor', member,
                jsonb_build_object('deleted', true, 'cancelled', cancelled));
        end loop;
    end if;

    update clinic.department set deleted_at = clock_timestamp(), version = version + 1 where id = p_id;
    return query select * from clinic.record(origin, 'department', p_id, '{"deleted": true}', answer);
end
$$;
