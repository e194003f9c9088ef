-- Whom the large tables are about: twenty departments of ten doctors each, and 20,000 patients.
set client_min_messages = error;
with department as (
    insert into clinic.department (name, name_key, opens, closes, created_date, last_update)
    select name, lower(name), 540, 1020, current_date, current_date
    from (select 'Department ' || number as name from generate_series(1, 20) as number) as named
    returning id
)
insert into clinic.doctor (department_id, full_name, registration_number, registration_expiry, fee, slot_minutes,
    gst_free)
select id, 'Dr Number ' || number, 'BIG' || id || '-' || number, '2099-12-31', 9250, 30, false
from department, generate_series(1, 10) as number;

insert into clinic.user_account (first_name, last_name, phone, email, password_hash)
select 'Pat', 'Ient', '', 'many' || number || '@example.org', '' from generate_series(1, 20000) as number;
