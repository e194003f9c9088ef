-- Doctors' weeks, their time off, and removing what still has bookings.

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

create or replace view clinic.doctor_answer as
select doctor.id, full_name, registration_number, registration_expiry, fee, slot_minutes, gst_free, doctor.version,
    department.id as department_id, department.name as department_name, weekly_hours
from clinic.doctor
join clinic.department on department.id = doctor.department_id
where doctor.deleted_at is null;

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
