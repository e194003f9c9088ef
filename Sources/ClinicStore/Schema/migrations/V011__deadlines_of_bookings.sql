-- Until when leaving a paid booking refunds it in full is fixed when the booking is made or moved; null for bookings that were
-- made before it was stored, for which the clinic's setting counts. A visit that is completed early keeps its time until its
-- end. The new constraints are built under a lock: some seconds for each million bookings.
alter table clinic.booking
    add column refund_until timestamptz,
    add column completed_at timestamptz,
    drop constraint booking_doctor_busy,
    drop constraint booking_patient_busy;
alter table clinic.booking
    add constraint booking_doctor_busy exclude using gist (doctor_id with =, occupied with &&, session_id with <>)
        where (clinic.keeps_time(status, completed_at, end_time)),
    add constraint booking_patient_busy exclude using gist (user_id with =, period with &&)
        where (clinic.keeps_time(status, completed_at, end_time));
drop index clinic.booking_calendar;
create index booking_calendar on clinic.booking (doctor_id, start_time)
    include (end_time, status, hold_expires_at, completed_at)
    where clinic.keeps_time(status, completed_at, end_time) and hidden_at is null;
