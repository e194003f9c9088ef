-- Holds a slot that was decided on by these versions for p_seconds, but not beyond its start.
--
-- Locks: the key; department, doctor and patient (lock_terms), so that the holds of one patient are counted one after the
-- other; expired holds in its way (take_slot).
-- Refusals: KEY_REUSED, STALE_VERSION, USER_NOT_FOUND, TOO_MANY_BOOKINGS and TOO_MANY_HOLDS with the limit,
-- SLOT_TAKEN, PATIENT_BUSY.
create function hold_slot(
    context request_context, p_user bigint, p_doctor bigint, p_doctor_version bigint, p_department_version bigint,
    p_start timestamptz, p_end timestamptz, p_fee bigint, p_gst bigint,
    p_refund_until timestamptz, p_limit bigint, p_seconds bigint, p_hold_limit bigint, p_daily_limit bigint)
returns setof booking_outcome language plpgsql as $$
declare
    terms booking_terms;
    taken booking_outcome;
    result booking_view;
begin
    return query select * from replay(context, result);
    if found then return; end if;

    terms := lock_terms(p_doctor, p_doctor_version, p_department_version, p_user);
    if terms.refusal is not null then
        return query select terms.refusal, case terms.refusal when 'USER_NOT_FOUND' then array['user_id', p_user::text] end, result;
        return;
    end if;
    if p_limit <= (select count(*) from open_bookings(p_user)) then
        return query select 'TOO_MANY_BOOKINGS', array['limit', p_limit::text], result;
        return;
    elsif p_hold_limit <= (
        select count(*) from clinic.booking
        where user_id = p_user and status = 'HELD' and hold_expires_at > clock_timestamp()) then
        return query select 'TOO_MANY_HOLDS', array['limit', p_hold_limit::text], result;
        return;
    elsif p_daily_limit <= (
        select count(*) from clinic.booking
        where user_id = p_user and start_time > now() - interval '1 day' and created_at > now() - interval '1 day'
            and hold_expires_at is not null) then
        return query select 'TOO_MANY_BOOKINGS', array['holds_per_day', p_daily_limit::text], result;
        return;
    end if;
    taken := take_slot(p_user, p_doctor, p_start, p_end, p_fee, p_gst, p_refund_until, p_seconds, terms);
    if taken.refusal is not null then
        return query select taken.*;
        return;
    end if;

    result := taken.result;
    return query select * from complete_mutation(
        context, 'booking', result.id, p_user, p_doctor,
        booking_created('HELD', p_doctor, p_user, p_start, p_end)
            || jsonb_build_object('hold_expires_at', result.hold_expires_at), result);
end
$$;
