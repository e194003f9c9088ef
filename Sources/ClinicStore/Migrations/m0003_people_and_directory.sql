-- Mutations of users, departments and doctors.

create function clinic.create_user(
    origin clinic.origin, p_first_name text, p_last_name text, p_phone text, p_email text, p_password_hash text)
returns setof clinic.user_outcome language plpgsql as $$
declare
    made bigint;
    answer clinic.user_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    insert into clinic.user_account (first_name, last_name, phone, email, password_hash)
    values (p_first_name, p_last_name, p_phone, p_email, p_password_hash)
    on conflict (email) do nothing
    returning id into made;
    if made is null then
        return query select 'EMAIL_TAKEN', null::text[], answer;
        return;
    end if;

    select * into answer from clinic.user_answer where id = made;
    return query select * from clinic.record(origin, 'user', made, '{"created": true}', answer);
end
$$;

-- Makes a person an administrator with this password, whether or not the person was here before.
create function clinic.make_administrator(
    origin clinic.origin, p_first_name text, p_last_name text, p_email text, p_password_hash text)
returns setof clinic.user_outcome language plpgsql as $$
declare
    made bigint;
    answer clinic.user_answer;
begin
    insert into clinic.user_account as account (first_name, last_name, phone, email, password_hash, role)
    values (coalesce(p_first_name, 'Clinic'), coalesce(p_last_name, 'Administrator'), '', p_email,
        p_password_hash, 'ADMIN')
    on conflict (email) do update set
        first_name = coalesce(p_first_name, account.first_name),
        last_name = coalesce(p_last_name, account.last_name),
        password_hash = excluded.password_hash, role = 'ADMIN', version = account.version + 1
    returning id into made;

    select * into answer from clinic.user_answer where id = made;
    return query select * from clinic.record(origin, 'user', made, '{"role": "ADMIN"}', answer);
end
$$;

create function clinic.create_department(
    origin clinic.origin, p_name text, p_name_key text, p_opens bigint, p_closes bigint, p_today date)
returns setof clinic.department_outcome language plpgsql as $$
declare
    made bigint;
    answer clinic.department_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    insert into clinic.department (name, name_key, opens, closes, created_date, last_update)
    values (p_name, p_name_key, p_opens, p_closes, p_today, p_today)
    on conflict (name_key) where deleted_at is null do nothing
    returning id into made;
    if made is null then
        return query select 'DEPARTMENT_NAME_TAKEN', null::text[], answer;
        return;
    end if;

    select * into answer from clinic.department_answer where id = made;
    return query select * from clinic.record(origin, 'department', made, '{"created": true}', answer);
end
$$;

-- Writes the merged row, if the department still is at the version it was merged on.
create function clinic.update_department(
    origin clinic.origin, p_id bigint, p_version bigint, p_name text, p_name_key text, p_opens bigint,
    p_closes bigint, p_today date)
returns setof clinic.department_outcome language plpgsql as $$
declare
    answer clinic.department_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    begin
        update clinic.department
        set name = p_name, name_key = p_name_key, opens = p_opens, closes = p_closes, last_update = p_today,
            version = version + 1
        where id = p_id and version = p_version and deleted_at is null;
        if not found then
            return query select 'STALE_VERSION', null::text[], answer;
            return;
        end if;
    exception when unique_violation then
        return query select 'DEPARTMENT_NAME_TAKEN', null::text[], answer;
        return;
    end;

    select * into answer from clinic.department_answer where id = p_id;
    return query select * from clinic.record(
        origin, 'department', p_id, jsonb_build_object('name', p_name, 'opens', p_opens, 'closes', p_closes), answer);
end
$$;

-- The department row is locked first: bookings and registrations share-lock it, so none can slip in between the
-- count and the deletion.
create function clinic.delete_department(origin clinic.origin, p_id bigint, p_now timestamptz)
returns setof clinic.department_outcome language plpgsql as $$
declare
    doctors bigint;
    bookings bigint;
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

    select count(*) into doctors from clinic.doctor where department_id = p_id and deleted_at is null;
    select count(*) into bookings from clinic.booking
    where doctor_id in (select id from clinic.doctor where department_id = p_id) and start_time > p_now
        and status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED');
    if doctors > 0 or bookings > 0 then
        return query select 'HAS_DEPENDANTS',
            array['doctors', doctors::text, 'future_bookings', bookings::text], answer;
        return;
    end if;

    update clinic.department set deleted_at = clock_timestamp(), version = version + 1 where id = p_id;
    return query select * from clinic.record(origin, 'department', p_id, '{"deleted": true}', answer);
end
$$;

create function clinic.register_doctor(
    origin clinic.origin, p_department bigint, p_full_name text, p_registration_number text,
    p_registration_expiry date, p_fee bigint, p_slot_minutes bigint, p_gst_free boolean)
returns setof clinic.doctor_outcome language plpgsql as $$
declare
    made bigint;
    answer clinic.doctor_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    perform 1 from clinic.department where id = p_department and deleted_at is null for share;
    if not found then
        return query select 'DEPARTMENT_NOT_FOUND', null::text[], answer;
        return;
    end if;
    insert into clinic.doctor (department_id, full_name, registration_number, registration_expiry, fee,
        slot_minutes, gst_free)
    values (p_department, p_full_name, p_registration_number, p_registration_expiry, p_fee, p_slot_minutes,
        p_gst_free)
    on conflict (registration_number) where deleted_at is null do nothing
    returning id into made;
    if made is null then
        return query select 'REGISTRATION_NUMBER_TAKEN', null::text[], answer;
        return;
    end if;

    select * into answer from clinic.doctor_answer where id = made;
    return query select * from clinic.record(origin, 'doctor', made, '{"created": true}', answer);
end
$$;

-- Writes the merged row, if the doctor still is at the version it was merged on.
create function clinic.update_doctor(
    origin clinic.origin, p_id bigint, p_version bigint, p_department bigint, p_full_name text,
    p_registration_number text, p_registration_expiry date, p_fee bigint, p_slot_minutes bigint, p_gst_free boolean)
returns setof clinic.doctor_outcome language plpgsql as $$
declare
    answer clinic.doctor_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    perform 1 from clinic.department where id = p_department and deleted_at is null for share;
    if not found then
        return query select 'DEPARTMENT_NOT_FOUND', null::text[], answer;
        return;
    end if;
    begin
        update clinic.doctor
        set department_id = p_department, full_name = p_full_name, registration_number = p_registration_number,
            registration_expiry = p_registration_expiry, fee = p_fee, slot_minutes = p_slot_minutes,
            gst_free = p_gst_free, version = version + 1
        where id = p_id and version = p_version and deleted_at is null;
        if not found then
            return query select 'STALE_VERSION', null::text[], answer;
            return;
        end if;
    exception when unique_violation then
        return query select 'REGISTRATION_NUMBER_TAKEN', null::text[], answer;
        return;
    end;

    select * into answer from clinic.doctor_answer where id = p_id;
    return query select * from clinic.record(
        origin, 'doctor', p_id,
        jsonb_build_object('department_id', p_department, 'fee', p_fee, 'slot_minutes', p_slot_minutes,
            'gst_free', p_gst_free, 'registration_expiry', p_registration_expiry),
        answer);
end
$$;

-- The doctor row is locked first: a booking share-locks it, so none can slip in between the count and the deletion.
create function clinic.delete_doctor(origin clinic.origin, p_id bigint, p_now timestamptz)
returns setof clinic.doctor_outcome language plpgsql as $$
declare
    bookings bigint;
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

    select count(*) into bookings from clinic.booking
    where doctor_id = p_id and start_time > p_now and status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED');
    if bookings > 0 then
        return query select 'HAS_DEPENDANTS', array['future_bookings', bookings::text], answer;
        return;
    end if;

    update clinic.doctor set deleted_at = clock_timestamp(), version = version + 1 where id = p_id;
    return query select * from clinic.record(origin, 'doctor', p_id, '{"deleted": true}', answer);
end
$$;
