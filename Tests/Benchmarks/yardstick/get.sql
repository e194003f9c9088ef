-- One booking of its owner, with its doctor, its patient and its payments.
\set id random(1, 2000)
select b.id, b.start_at, b.end_at, b.status, b.fee, b.gst, b.version, d.id, d.full_name, u.id, u.email,
    (select jsonb_agg(t.id) from yard.transactions t where t.booking_id = b.id)
from yard.bookings b join yard.doctors d on d.id = b.doctor_id join yard.users u on u.id = b.user_id
where b.id = :id and b.user_id = :id;
