-- The bookings that are not hidden, with their payments by number.
create view booking_view as
select id, start_time, end_time, status, version, user_id, first_name, last_name, doctor_id, full_name, department_id,
    department_name,
    coalesce(payment.ids, '{}') as transaction_ids,
    coalesce(payment.totals, '{}') as transaction_totals,
    coalesce(payment.statuses, '{}') as transaction_statuses,
    hold_expires_at, fee, gst, refund_until, stored_status
from booking_without_payments as booking
left join lateral (
    -- Sorted before they are gathered: an aggregate that orders its own input costs a sort each, even of nothing.
    select array_agg(id) as ids, array_agg(total_fee) as totals, array_agg(status) as statuses
    from (
        select id, total_fee, status
        from clinic.transaction
        where transaction.booking_id = booking.id and transaction.hidden_at is null
        order by id
    ) as in_order
) as payment on true;
