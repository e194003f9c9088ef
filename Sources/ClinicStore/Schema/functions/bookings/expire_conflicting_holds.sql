-- Sets the holds that touch a time and had expired when the transaction began to EXPIRED, and names what else is in its way,
-- or null. The booking p_self is not in its own way.
--
-- Locks: the expired holds (no key update), by number, all before the first is changed. By the clock another could expire
-- after them, out of order.
-- Refusals: SLOT_TAKEN, PATIENT_BUSY.
create function expire_conflicting_holds(p_doctor bigint, p_user bigint, p_period tstzrange, p_self bigint)
returns text language plpgsql as $$
declare
    hold clinic.booking;
begin
    foreach hold in array array(
        select booking from clinic.booking
        where id = any (conflicting_bookings(
                array[p_doctor], array[p_user], array[lower(p_period)], array[upper(p_period)]))
            and status = 'HELD' and hold_expires_at <= now()
        order by id for no key update)
    loop
        perform expire_hold(hold);
    end loop;

    if exists (
        select from clinic.booking
        where doctor_id = p_doctor and occupied && p_period and id is distinct from p_self
            and clinic.keeps_time(status, completed_at, end_time)) then
        return 'SLOT_TAKEN';
    elsif exists (
        select from clinic.booking
        where user_id = p_user and period && p_period and id is distinct from p_self
            and clinic.keeps_time(status, completed_at, end_time)) then
        return 'PATIENT_BUSY';
    end if;
    return null;
end
$$;
