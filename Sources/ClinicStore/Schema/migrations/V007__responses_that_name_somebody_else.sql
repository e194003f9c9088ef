-- Finds the stored responses that name a user and were given to somebody else, such as the staff who booked: EraseUser removes the
-- name from them. A user's own are found by the primary key. Keys live for a day, so the table is small.
create index idempotency_key_of_named_user on clinic.idempotency_key (clinic.named_user(response))
    where clinic.named_user(response) <> user_id;
