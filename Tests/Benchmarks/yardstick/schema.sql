-- The yardstick of `make bench`: what a careful engineer would write by hand for one booking, with the constraints,
-- the event and the idempotency key that the field needs, and for one read. Nothing in it is the service's own SQL.
-- It is created in a database of its own on the cluster that the service uses.
create extension if not exists btree_gist;
create schema yard;
set search_path = yard, public;

create table departments (
    id bigint generated always as identity primary key,
    department_name text not null unique,
    operating_start_hour time not null,
    operating_end_hour time not null,
    deleted_at timestamptz
);

create table doctors (
    id bigint generated always as identity primary key,
    full_name text not null,
    registration_number text not null unique,
    registration_expiry date not null,
    fee bigint not null,
    slot_minutes int not null default 30,
    department_id bigint not null references departments,
    deleted_at timestamptz
);

create table users (
    id bigint generated always as identity primary key,
    email text not null unique
);

create table bookings (
    id bigint generated always as identity primary key,
    user_id bigint not null references users,
    doctor_id bigint not null references doctors,
    start_at timestamptz not null,
    end_at timestamptz not null,
    period tstzrange generated always as (tstzrange(start_at, end_at)) stored,
    status text not null default 'booked',
    fee bigint not null,
    gst bigint not null,
    version bigint not null default 1
);
create unique index on bookings (doctor_id, start_at) where status in ('held', 'booked', 'confirmed', 'arrived');
-- Neither a doctor nor a patient is in two places at once.
alter table bookings add exclude using gist (doctor_id with =, period with &&)
    where (status in ('held', 'booked', 'confirmed', 'arrived'));
alter table bookings add exclude using gist (user_id with =, period with &&)
    where (status in ('held', 'booked', 'confirmed', 'arrived'));
create index on bookings (user_id, id);

create table events (
    seq bigint generated always as identity primary key,
    at timestamptz not null default now(),
    actor bigint,
    method text,
    entity text,
    entity_id bigint,
    change jsonb
);

create table keys (
    caller bigint not null,
    key text not null,
    method text not null,
    hash bytea not null,
    reply bytea not null,
    at timestamptz not null default now(),
    primary key (caller, key)
);

create table transactions (
    id bigint generated always as identity primary key,
    booking_id bigint not null references bookings
);
create index on transactions (booking_id);

insert into departments (department_name, operating_start_hour, operating_end_hour) values ('d', '00:00', '23:59');
insert into doctors (full_name, registration_number, registration_expiry, fee, department_id)
select 'Dr ' || number, number::text, '2099-01-01', 10000, 1 from generate_series(1, 2000) as number;
insert into users (email) select number || '@x.y' from generate_series(1, 20000) as number;
-- In the past: book.sql never meets them.
insert into bookings (user_id, doctor_id, start_at, end_at, fee, gst)
select number, number, now() - interval '30 days', now() - interval '30 days' + interval '30 minutes', 1, 0
from generate_series(1, 2000) as number;
vacuum analyze departments, doctors, users, bookings;
