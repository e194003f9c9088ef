-- Sessions that can be ended, roles that change, people who are erased.

-- What a token says counts only as long as the account's token version is the one that the token names: adding one
-- to it signs the person out everywhere.
alter table clinic.user_account
    add column token_version bigint not null default 1,
    -- The transaction that last changed the role or the token version, or erased the person; null while nobody did.
    add column standing_changed_by bigint,
    add column erased_at timestamptz;
create index user_account_by_standing on clinic.user_account (standing_changed_by)
    where standing_changed_by is not null;

-- Whatever changes the standing of a person, a hand at the database too, leaves word for the servers that remember it.
create function clinic.note_standing() returns trigger language plpgsql as $$
begin
    new.standing_changed_by := pg_current_xact_id()::text::bigint;
    return new;
end
$$;
create trigger user_account_standing before update on clinic.user_account for each row
    when (old.role is distinct from new.role or old.token_version is distinct from new.token_version
        or old.erased_at is distinct from new.erased_at)
    execute function clinic.note_standing();

create or replace view clinic.user_answer as
select id, first_name, last_name, phone, email, role, version
from clinic.user_account
where erased_at is null;

-- One row for each place where a person is signed in. All refresh tokens of one sign-in begin with the same secret,
-- whose digest names the row, and only the newest of them counts; another that begins so was used before.
create table clinic.refresh_family (
    family bytea primary key,
    user_id bigint not null references clinic.user_account on delete restrict,
    token bytea not null,
    token_version bigint not null,
    created_at timestamptz not null,
    refreshed_at timestamptz not null,
    expires_at timestamptz not null
);
create index refresh_family_of_user on clinic.refresh_family (user_id, refreshed_at);

create type clinic.session_answer as (id bigint, email text, role text, token_version bigint);
create type clinic.session_outcome as (refusal text, detail text[], answer clinic.session_answer);

-- Keeps the digests of a new sign-in, if the account still is as it was when the password was checked. Running it
-- again, because the outcome of the first time is not known, changes nothing.
create function clinic.open_session(
    origin clinic.origin, p_user bigint, p_token_version bigint, p_family bytea, p_token bytea, p_now timestamptz,
    p_expires_at timestamptz)
returns setof clinic.session_outcome language plpgsql as $$
declare
    account clinic.user_account;
    answer clinic.session_answer;
begin
    select * into account from clinic.user_account
    where id = p_user and token_version = p_token_version and erased_at is null for no key update;
    if not found then
        return query select 'STALE_VERSION', null::text[], answer;
        return;
    end if;

    delete from clinic.refresh_family
    where user_id = p_user and family <> p_family and (expires_at <= p_now or family in (
        select family from clinic.refresh_family
        where user_id = p_user and family <> p_family order by refreshed_at desc offset 49));
    insert into clinic.refresh_family (family, user_id, token, token_version, created_at, refreshed_at, expires_at)
    values (p_family, p_user, p_token, p_token_version, p_now, p_now, p_expires_at)
    on conflict do nothing;
    answer := row(account.id, account.email, account.role, account.token_version);
    return query select null::text, null::text[], answer;
end
$$;

-- Puts the next token of a sign-in in the place of the one that is presented. One that is no longer the newest ends the
-- sign-in. Running it again with the same next token answers as the first time.
create function clinic.refresh_session(
    origin clinic.origin, p_family bytea, p_token bytea, p_next bytea, p_now timestamptz, p_expires_at timestamptz)
returns setof clinic.session_outcome language plpgsql as $$
declare
    account clinic.user_account;
    held clinic.refresh_family;
    answer clinic.session_answer;
begin
    select * into account from clinic.user_account
    where id = (select user_id from clinic.refresh_family where family = p_family) and erased_at is null
    for no key update;
    select * into held from clinic.refresh_family where family = p_family;
    if not found or held.expires_at <= p_now or held.token_version is distinct from account.token_version then
        return query select 'INVALID_TOKEN', null::text[], answer;
        return;
    end if;

    if held.token = p_token then
        update clinic.refresh_family set token = p_next, refreshed_at = p_now, expires_at = p_expires_at
        where family = p_family;
    elsif held.token <> p_next then
        delete from clinic.refresh_family where family = p_family;
        perform clinic.record(
            origin, 'user', account.id, '{"session_ended": "a refresh token was used twice"}', answer);
        return query select 'INVALID_TOKEN', null::text[], answer;
        return;
    end if;
    answer := row(account.id, account.email, account.role, account.token_version);
    return query select null::text, null::text[], answer;
end
$$;

-- Ends every token of a person. p_owner is whose account it must be; null for administrators.
create function clinic.revoke_tokens(origin clinic.origin, p_id bigint, p_owner bigint)
returns setof clinic.user_outcome language plpgsql as $$
declare
    answer clinic.user_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    update clinic.user_account set token_version = token_version + 1
    where id = p_id and (p_owner is null or id = p_owner) and erased_at is null;
    if not found then
        return query select 'USER_NOT_FOUND', null::text[], answer;
        return;
    end if;
    delete from clinic.refresh_family where user_id = p_id;
    select * into answer from clinic.user_answer where id = p_id;
    return query select * from clinic.record(origin, 'user', p_id, '{"sessions_ended": true}', answer);
end
$$;

-- Replaces the password, if its hash still is the one that the current password was checked against.
create function clinic.change_password(origin clinic.origin, p_id bigint, p_old_hash text, p_new_hash text)
returns setof clinic.user_outcome language plpgsql as $$
declare
    answer clinic.user_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    update clinic.user_account set password_hash = p_new_hash, token_version = token_version + 1
    where id = p_id and password_hash = p_old_hash and erased_at is null;
    if not found then
        return query select 'STALE_VERSION', null::text[], answer;
        return;
    end if;
    delete from clinic.refresh_family where user_id = p_id;
    select * into answer from clinic.user_answer where id = p_id;
    return query select * from clinic.record(origin, 'user', p_id, '{"sessions_ended": true}', answer);
end
$$;

-- Changes what is not null. The event names the fields only: it stays when the person is erased.
create function clinic.update_user(
    origin clinic.origin, p_id bigint, p_owner bigint, p_version bigint, p_first_name text, p_last_name text,
    p_phone text, p_email text)
returns setof clinic.user_outcome language plpgsql as $$
declare
    old_version bigint;
    answer clinic.user_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    select version into old_version from clinic.user_account
    where id = p_id and (p_owner is null or id = p_owner) and erased_at is null for no key update;
    if not found then
        return query select 'USER_NOT_FOUND', null::text[], answer;
        return;
    elsif old_version <> p_version then
        return query select 'STALE_ETAG', null::text[], answer;
        return;
    elsif coalesce(p_first_name, p_last_name, p_phone, p_email) is null then
        return query select null::text, null::text[], unchanged
        from clinic.user_answer as unchanged where id = p_id;
        return;
    end if;
    begin
        update clinic.user_account
        set first_name = coalesce(p_first_name, first_name), last_name = coalesce(p_last_name, last_name),
            phone = coalesce(p_phone, phone), email = coalesce(p_email, email), version = version + 1
        where id = p_id;
    exception when unique_violation then
        return query select 'EMAIL_TAKEN', null::text[], answer;
        return;
    end;

    select * into answer from clinic.user_answer where id = p_id;
    return query select * from clinic.record(
        origin, 'user', p_id,
        jsonb_build_object('changed', array_remove(array[
            case when p_first_name is not null then 'first_name' end,
            case when p_last_name is not null then 'last_name' end,
            case when p_phone is not null then 'phone' end,
            case when p_email is not null then 'email' end], null)),
        answer);
end
$$;

-- Whether nobody but this user is an administrator. It makes whoever asks wait for whoever asked before, or two
-- administrators could take the role from each other.
create function clinic.is_last_administrator(p_id bigint) returns boolean language plpgsql as $$
begin
    perform pg_advisory_xact_lock(7411, 1);
    return exists (select from clinic.user_account where id = p_id and role = 'ADMIN')
        and not exists (select from clinic.user_account where id <> p_id and role = 'ADMIN');
end
$$;

create function clinic.set_user_role(origin clinic.origin, p_id bigint, p_version bigint, p_role text)
returns setof clinic.user_outcome language plpgsql as $$
declare
    is_last boolean := clinic.is_last_administrator(p_id);
    old clinic.user_account;
    answer clinic.user_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    select * into old from clinic.user_account where id = p_id and erased_at is null for no key update;
    if not found then
        return query select 'USER_NOT_FOUND', null::text[], answer;
        return;
    elsif old.role = p_role then
        return query select null::text, null::text[], unchanged
        from clinic.user_answer as unchanged where id = p_id;
        return;
    elsif old.version <> p_version then
        return query select 'STALE_ETAG', null::text[], answer;
        return;
    elsif is_last then
        return query select 'LAST_ADMINISTRATOR', null::text[], answer;
        return;
    end if;

    update clinic.user_account set role = p_role, token_version = token_version + 1, version = version + 1
    where id = p_id;
    delete from clinic.refresh_family where user_id = p_id;
    select * into answer from clinic.user_answer where id = p_id;
    return query select * from clinic.record(
        origin, 'user', p_id, jsonb_build_object('from', old.role, 'role', p_role), answer);
end
$$;

-- Whether there is such a person to make a booking for; keeps the person from being erased before it is committed.
create function clinic.lock_patient(p_user bigint) returns boolean language plpgsql as $$
begin
    perform 1 from clinic.user_account where id = p_user and erased_at is null for share;
    return found;
end
$$;

-- Cancels what a person has booked after p_now, as the clinic: what was paid for it comes back. Answers how many.
create function clinic.cancel_bookings_of_user(
    origin clinic.origin, p_user bigint, p_now timestamptz, p_from text[])
returns bigint language plpgsql as $$
declare
    visit clinic.booking;
    refunded bigint;
    cancelled bigint := 0;
begin
    for visit in
        select * from clinic.booking
        where user_id = p_user and start_time > p_now and status = any (p_from)
        order by id for no key update
    loop
        refunded := clinic.reverse_payment(visit.id, 'REFUND', 'REFUNDED');
        update clinic.booking set status = 'CANCELLED', version = version + 1 where id = visit.id;
        insert into clinic.event (actor_id, method, entity, entity_id, change)
        values (origin.actor, origin.method, 'booking', visit.id, jsonb_strip_nulls(jsonb_build_object(
            'from', visit.status, 'status', 'CANCELLED', 'refunded_transaction_id', refunded)));
        cancelled := cancelled + 1;
    end loop;
    return cancelled;
end
$$;

-- Makes a person unknown. The row stays, without anything that tells who it was, for what refers to it. So do the
-- answers that are kept for repeated keys: those of others that name the person name nobody from now on.
create function clinic.erase_user(
    origin clinic.origin, p_id bigint, p_owner bigint, p_now timestamptz, p_cancelled_from text[])
returns setof clinic.user_outcome language plpgsql as $$
declare
    is_last boolean := clinic.is_last_administrator(p_id);
    cancelled bigint;
    answer clinic.user_answer;
begin
    return query select * from clinic.replay(origin, answer);
    if found then return; end if;

    perform 1 from clinic.user_account
    where id = p_id and (p_owner is null or id = p_owner) and erased_at is null for no key update;
    if not found then
        return query select 'USER_NOT_FOUND', null::text[], answer;
        return;
    elsif is_last then
        return query select 'LAST_ADMINISTRATOR', null::text[], answer;
        return;
    end if;

    cancelled := clinic.cancel_bookings_of_user(origin, p_id, p_now, p_cancelled_from);
    -- Neither the e-mail nor the hash is one that anybody can sign in with: one has no @, the other is no hash.
    update clinic.user_account
    set first_name = 'Erased', last_name = 'user', phone = '', email = 'erased ' || p_id, password_hash = '',
        role = 'PATIENT', token_version = token_version + 1, version = version + 1, erased_at = clock_timestamp()
    where id = p_id
    returning id, first_name, last_name, phone, email, role, version into answer;
    delete from clinic.refresh_family where user_id = p_id;
    delete from clinic.idempotency_key where user_id = p_id;
    update clinic.idempotency_key as kept
    set answer = kept.answer || jsonb_build_object('first_name', 'Erased', 'last_name', 'user')
        || case when kept.answer ? 'email' then jsonb_build_object('phone', '', 'email', 'erased ' || p_id)
            else '{}' end
    where kept.answer ? 'first_name'
        and (case when kept.answer ? 'email' then kept.answer ->> 'id' else kept.answer ->> 'user_id' end) = p_id::text;
    return query select * from clinic.record(
        origin, 'user', p_id, jsonb_build_object('erased', true, 'cancelled_bookings', cancelled), answer);
end
$$;

-- An instant as a whole number, for what is read as an array of numbers.
create function clinic.microseconds(instant timestamptz) returns bigint language sql stable as $$
    select (extract(epoch from instant) * 1000000)::bigint
$$;

-- What is held about a person is found by what the events are about.
create index event_of_entity on clinic.event (entity, entity_id, sequence);

-- As before, and an account that was there already is signed out everywhere: its password is another now.
create or replace function clinic.make_administrator(
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
        password_hash = excluded.password_hash, role = 'ADMIN', version = account.version + 1,
        token_version = account.token_version + 1
    returning id into made;
    delete from clinic.refresh_family where user_id = made;

    select * into answer from clinic.user_answer where id = made;
    return query select * from clinic.record(origin, 'user', made, '{"role": "ADMIN"}', answer);
end
$$;

-- As before, but for nobody who was erased.
create or replace function clinic.book_appointment(
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
    if not clinic.lock_patient(p_user) then
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
