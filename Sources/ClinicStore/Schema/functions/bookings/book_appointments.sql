-- Books appointments for a batch of callers; each gets what it would get alone. `call` is a caller's place in the arrays.
-- One statement books everybody who has a new key, whose doctor, department and patient are as expected, and who meets
-- nobody. The others are looked at one after the other; so is an only caller, whom that costs less.
--
-- Locks: the keys (claim_keys); departments, doctors and patients (lock_people); then what is in the way of those who meet
-- something (lock_bookings).
-- Refusals: KEY_REUSED; STALE_VERSION when doctor or department is no longer at the version the caller decided on;
-- USER_NOT_FOUND; TOO_MANY_BOOKINGS with the limit (p_limits, null for the staff); SLOT_TAKEN; PATIENT_BUSY.
create function book_appointments(
    p_actors bigint[], p_methods text[], p_keys text[], p_digests bytea[], p_users bigint[], p_doctors bigint[],
    p_doctor_versions bigint[], p_department_versions bigint[], p_starts timestamptz[], p_ends timestamptz[],
    p_fees bigint[], p_gsts bigint[], p_refunds_until timestamptz[], p_limits bigint[])
returns table (call bigint, refusal text, detail text[], result booking_view) language plpgsql as $$
declare
    rest bigint[] := '{1}';
    claimed bigint[];
    ids bigint[];
    booked_count bigint;
    context request_context;
    terms booking_terms;
    taken booking_outcome;
begin
    if cardinality(p_actors) > 1 then
        claimed := claim_keys(p_actors, p_keys);
        perform lock_people(p_doctors, p_users);
        ids := array(select nextval('clinic.booking_id_seq') from unnest(p_actors));
        return query
            with allowed as materialized (
                select given.*, full_name, department_id,
                    department.name as department_name, first_name, last_name
                from (
                    select *, count(*) over (partition by user_id) as wanted
                    from unnest(p_actors, p_methods, p_keys, p_digests, p_users, p_doctors, p_doctor_versions,
                            p_department_versions, p_starts, p_ends, p_fees, p_gsts, p_refunds_until, p_limits, ids)
                        with ordinality as given (actor, method, key, digest, user_id, doctor_id, doctor_version,
                            department_version, start_time, end_time, fee, gst, refund_until, booking_limit, id, place)
                ) as given
                join clinic.doctor on doctor.id = given.doctor_id
                join clinic.department on department.id = doctor.department_id
                join clinic.user_account on user_account.id = given.user_id
                where given.place = any (claimed) and may_be_booked(
                        doctor, given.doctor_version, department, given.department_version, user_account)
                    and (given.booking_limit is null or given.wanted <= given.booking_limit
                        - (select count(*) from open_bookings(given.user_id)))
                order by given.doctor_id, given.start_time, given.place
            ), inserted as (
                insert into clinic.booking (
                    id, session_id, doctor_id, user_id, start_time, end_time, occupied, status, fee, gst, refund_until)
                select allowed.id, allowed.id, allowed.doctor_id, allowed.user_id, allowed.start_time, allowed.end_time,
                    tstzrange(allowed.start_time, allowed.end_time), 'BOOKED', allowed.fee, allowed.gst,
                    allowed.refund_until
                from allowed
                on conflict do nothing
                returning booking.id
            ), booked as materialized (
                -- Wrapped, so that it is a look-up in a hash table: a join would be a loop in a loop.
                select allowed.*, row(id, start_time, end_time, 'BOOKED', 1, user_id, first_name, last_name, doctor_id,
                        full_name, department_id, department_name, '{}', '{}', '{}', null, fee, gst, refund_until, 'BOOKED')::booking_view
                        as booking
                from allowed where (id in (select inserted.id from inserted)) is true
            ), event as (
                insert into clinic.event (actor_id, user_id, doctor_id, method, entity, entity_id, change)
                select actor, user_id, doctor_id, method, 'booking', id,
                    booking_created('BOOKED', doctor_id, user_id, start_time, end_time)
                from booked order by place
            ), response as (
                insert into clinic.idempotency_key (user_id, key, method, request_digest, response)
                select actor, key, method, digest, to_jsonb(booking) from booked where key is not null
            )
            select place, null::text, null::text[], booking from booked;
        get diagnostics booked_count = row_count;
        if booked_count = cardinality(p_actors) then
            return;
        end if;
        rest := array(
            select place from unnest(ids) with ordinality as given (id, place)
            where not exists (select from clinic.booking where booking.id = given.id) order by place);
        perform lock_bookings(conflicting_bookings(
            array_agg(p_doctors[place]), array_agg(p_users[place]), array_agg(p_starts[place]), array_agg(p_ends[place])),
            null, null)
        from unnest(rest) as place;
    end if;

    foreach call in array rest loop
        context := row(p_actors[call], p_methods[call], p_keys[call], p_digests[call]);
        return query select call, replayed.* from replay(context, null::booking_view) as replayed;
        continue when found;

        terms := lock_terms(p_doctors[call], p_doctor_versions[call], p_department_versions[call], p_users[call]);
        if terms.refusal is not null then
            return query select call, terms.refusal, case terms.refusal when 'USER_NOT_FOUND' then array['user_id', p_users[call]::text] end, null::booking_view;
            continue;
        end if;
        -- Staff have no limit, and pay nothing for that of patients.
        if p_limits[call] is not null then
            if p_limits[call] <= (select count(*) from open_bookings(p_users[call])) then
                return query select call, 'TOO_MANY_BOOKINGS', array['limit', p_limits[call]::text], null::booking_view;
                continue;
            end if;
        end if;
        taken := take_slot(p_users[call], p_doctors[call], p_starts[call], p_ends[call], p_fees[call], p_gsts[call],
            p_refunds_until[call], null, terms);
        if taken.refusal is not null then
            return query select call, taken.*;
            continue;
        end if;
        return query select call, completed.* from complete_mutation(
            context, 'booking', (taken.result).id, p_users[call], p_doctors[call],
            booking_created('BOOKED', p_doctors[call], p_users[call], p_starts[call], p_ends[call]), taken.result)
            as completed;
    end loop;
end
$$;
