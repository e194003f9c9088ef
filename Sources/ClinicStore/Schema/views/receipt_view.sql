-- The receipts: each transaction that was paid, with the names on it and, from the ledger, what was given back.
create view receipt_view as
select transaction_view.*, transaction.created_at as paid_at, first_name, last_name, doctor.id as doctor_id,
    doctor.full_name, department.id as department_id, department.name as department_name,
    coalesce(refund.times, '{}') as refund_times, coalesce(refund.fees, '{}') as refund_fees,
    coalesce(refund.gsts, '{}') as refund_gsts
from transaction_view
join clinic.transaction on transaction.id = transaction_view.id
join clinic.booking on booking.id = transaction.booking_id
join clinic.user_account on user_account.id = transaction.user_id
join clinic.doctor on doctor.id = booking.doctor_id
join clinic.department on department.id = doctor.department_id
left join lateral (
    select array_agg(microseconds order by journal) as times, array_agg(fee order by journal) as fees,
        array_agg(gst order by journal) as gsts
    from (
        select journal, microseconds(min(created_at)) as microseconds,
            coalesce(sum(amount) filter (where account = 'revenue'), 0)::bigint as fee,
            coalesce(sum(amount) filter (where account = 'gst_payable'), 0)::bigint as gst
        from clinic.ledger_entry
        where transaction_id = transaction_view.id and kind = 'REFUND'
        group by journal
    ) as given_back
) as refund on true
where transaction_view.status in ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED');
