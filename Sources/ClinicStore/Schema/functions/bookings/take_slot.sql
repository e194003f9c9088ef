-- Inserts a booking of a slot on locked terms, held for p_hold_seconds (not beyond its start) or, if that is null, booked. Only
-- an insert that met something looks what it was.
--
-- Locks: expired holds in its way (expire_conflicting_holds). It waits for whoever is changing a booking in its way.
-- Refusals: SLOT_TAKEN, PATIENT_BUSY; STALE_VERSION when rivals came and went three times.
create function take_slot(
    p_user bigint, p_doctor bigint, p_start timestamptz, p_end timestamptz, p_fee bigint, p_gst bigint,
    p_refund_until timestamptz, p_hold_seconds bigint, terms booking_terms)
returns booking_outcome language plpgsql as $$
declare
    outcome booking_outcome;
    made booking_view;
begin
    -- ON CONFLICT waits for a rival and does not say which constraint it met. A rival that is gone by then leaves room for
    -- one more try.
    for attempt in 1..3 loop
        insert into clinic.booking (doctor_id, user_id, start_time, end_time, occupied, status, fee, gst, refund_until,
            hold_expires_at)
        values (p_doctor, p_user, p_start, p_end, tstzrange(p_start, p_end),
            case when p_hold_seconds is null then 'BOOKED' else 'HELD' end, p_fee, p_gst, p_refund_until,
            least(clock_timestamp() + p_hold_seconds * interval '1 second',
                case when p_hold_seconds is not null then p_start end))
        on conflict do nothing
        returning id, start_time, end_time, status, version, user_id, terms.first_name, terms.last_name, doctor_id,
            terms.full_name, terms.department_id, terms.department_name, '{}', '{}', '{}', hold_expires_at, fee,
            gst, refund_until, status
        into made;
        if found then
            outcome.result := made;
            return outcome;
        end if;
        outcome.refusal := expire_conflicting_holds(p_doctor, p_user, tstzrange(p_start, p_end), null);
        if outcome.refusal is not null then
            return outcome;
        end if;
    end loop;
    outcome.refusal := 'STALE_VERSION';
    return outcome;
end
$$;
