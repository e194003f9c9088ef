-- A booking as it is answered, in two parts. Whoever reads many of them gathers the payments of all in one go: one at a
-- time, as the view of the whole does it, they were an eighth of the time.

create view clinic.booking_without_payments as
select booking.id, booking.start_time, booking.end_time,
    case when booking.status = 'HELD' and hold_expires_at <= statement_timestamp() then 'EXPIRED'
        else booking.status end as status,
    booking.version, user_account.id as user_id, first_name, last_name,
    doctor.id as doctor_id, doctor.full_name, department.id as department_id, department.name as department_name,
    case when booking.status in ('HELD', 'EXPIRED') then hold_expires_at end as hold_expires_at,
    booking.status as stored_status
from clinic.booking
join clinic.user_account on user_account.id = booking.user_id
join clinic.doctor on doctor.id = booking.doctor_id
join clinic.department on department.id = doctor.department_id
where booking.hidden_at is null;

create or replace view clinic.booking_answer as
select id, start_time, end_time, status, version, user_id, first_name, last_name, doctor_id, full_name, department_id,
    department_name,
    coalesce(payment.ids, '{}') as transaction_ids,
    coalesce(payment.totals, '{}') as transaction_totals,
    coalesce(payment.statuses, '{}') as transaction_statuses,
    hold_expires_at, stored_status
from clinic.booking_without_payments as booking
left join lateral (
    -- In order before they are gathered: an aggregate that orders its own input costs a sort each, also of nothing.
    select array_agg(id) as ids, array_agg(total_fee) as totals, array_agg(status) as statuses
    from (
        select id, total_fee, status
        from clinic.transaction
        where transaction.booking_id = booking.id and transaction.hidden_at is null
        order by id
    ) as in_order
) as payment on true;
