-- Searches and lists that stay quick in a table of a million bookings.

-- What is busy and nothing else, whole in the index: a search reads each doctor's week in one go and no row of the table.
-- Without it PostgreSQL combined two indexes that both know little, and read half a month of everybody's.
create index booking_calendar on clinic.booking (doctor_id, start_time) include (end_time, status, hold_expires_at)
    where status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED') and hidden_at is null;

-- As before, and with the status as it is stored, by which there is an index: what is shown is computed for a hold that
-- has run out, and so none could be used.
create or replace view clinic.booking_answer as
select booking.id, booking.start_time, booking.end_time,
    case when booking.status = 'HELD' and hold_expires_at <= statement_timestamp() then 'EXPIRED'
        else booking.status end as status,
    booking.version, user_account.id as user_id, first_name, last_name,
    doctor.id as doctor_id, doctor.full_name, department.id as department_id, department.name as department_name,
    coalesce(payment.ids, '{}') as transaction_ids,
    coalesce(payment.totals, '{}') as transaction_totals,
    coalesce(payment.statuses, '{}') as transaction_statuses,
    case when booking.status in ('HELD', 'EXPIRED') then hold_expires_at end as hold_expires_at,
    booking.status as stored_status
from clinic.booking
join clinic.user_account on user_account.id = booking.user_id
join clinic.doctor on doctor.id = booking.doctor_id
join clinic.department on department.id = doctor.department_id
left join lateral (
    -- In order before they are gathered: an aggregate that orders its own input costs a sort each, also of nothing.
    select array_agg(id) as ids, array_agg(total_fee) as totals, array_agg(status) as statuses
    from (
        select id, total_fee, status
        from clinic.transaction
        where transaction.booking_id = booking.id and transaction.hidden_at is null
        order by id
    ) as in_order
) as payment on true
where booking.hidden_at is null;
