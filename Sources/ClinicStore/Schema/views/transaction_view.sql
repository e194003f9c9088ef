-- The transactions that are not hidden, with the start and the status of their bookings.
create view transaction_view as
select transaction.id, transaction.fee, transaction.gst, total_fee, refunded_amount, transaction.status,
    transaction.version, booking.id as booking_id, start_time, booking.status as booking_status,
    transaction.user_id
from clinic.transaction
join clinic.booking on booking.id = transaction.booking_id
where transaction.hidden_at is null;
