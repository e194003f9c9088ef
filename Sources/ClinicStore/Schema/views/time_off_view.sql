-- The time off that was not deleted, of doctors who were not, with the number of bookings that still lie in it.
create view time_off_view as
select time_off.id, time_off.doctor_id, doctor.full_name, department.id as department_id,
    department.name as department_name, time_off.start_time, time_off.end_time,
    (
        select count(*) from clinic.booking
        where booking.doctor_id = time_off.doctor_id
            and booking.period && tstzrange(time_off.start_time, time_off.end_time)
            and occupies_time_now(
                booking.status, booking.hold_expires_at, booking.completed_at, booking.end_time)
    ) as displaced_booking_count
from clinic.time_off
join clinic.doctor on doctor.id = time_off.doctor_id
join clinic.department on department.id = doctor.department_id
where time_off.deleted_at is null and doctor.deleted_at is null;
