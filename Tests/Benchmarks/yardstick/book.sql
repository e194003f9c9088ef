-- One durable booking in one statement: the doctor is looked up, the booking inserted under its constraints, and its
-- event and its key with it. A slot that is taken inserts nothing; among 2,800,000 that is rare.
\set d random(1, 2000)
\set u random(1, 20000)
\set m random(1, 1400)
\set k random(1, 1000000000000)
with d as (
    select d.id, d.fee from yard.doctors d join yard.departments p on p.id = d.department_id
    where d.id = :d and d.deleted_at is null and d.registration_expiry > current_date
), b as (
    insert into yard.bookings (user_id, doctor_id, start_at, end_at, fee, gst)
    select :u, d.id, date_trunc('day', now()) + make_interval(mins => 30 * :m),
        date_trunc('day', now()) + make_interval(mins => 30 * :m + 30), d.fee, d.fee / 10
    from d on conflict do nothing returning *
), e as (
    insert into yard.events (actor, method, entity, entity_id, change)
    select :u, 'BookAppointment', 'booking', b.id, jsonb_build_object('status', 'booked') from b
), k as (
    insert into yard.keys (caller, key, method, hash, reply)
    select :u, :k::text, 'BookAppointment', decode('00112233445566778899aabbccddeeff', 'hex'), b.id::text::bytea
    from b on conflict do nothing
)
select * from b;
