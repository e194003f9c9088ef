-- Books the doctors of people.sql for five eighths of the last months and of the next 28 days, :bookings in all. The
-- past is over, the future is booked; every doctor has 16 slots of half an hour a day.
set client_min_messages = error;
insert into clinic.booking (doctor_id, user_id, start_time, end_time, occupied, status, fee, gst)
select doctor.id, patient.id, start, start + interval '30 minutes', tstzrange(start, start + interval '30 minutes'),
    case when start > now() then 'BOOKED' when slot % 11 = 0 then 'CANCELLED' else 'COMPLETED' end, 9250, 925
from generate_series(28 - :bookings / 2000, 28) as day,
    (select id, row_number() over (order by id) as place from clinic.doctor where slot_minutes = 30) as doctor,
    generate_series(0, 15) as slot,
    lateral (select date_trunc('day', now()) + day * interval '1 day' + interval '9 hours'
        + slot * interval '30 minutes' as start) as moment
join lateral (select (place * 97 + slot * 211 + day + 100000) % 20000 + 1 as number) as chosen on true
join (select id, row_number() over (order by id) as number from clinic.user_account where email like 'many%')
    as patient on patient.number = chosen.number
where (slot * 7 + day + place + 100000) % 8 < 5
order by start
on conflict do nothing;
vacuum analyze clinic.booking, clinic.doctor, clinic.user_account;
