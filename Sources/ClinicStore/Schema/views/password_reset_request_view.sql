-- The open requests for a new password.
create view password_reset_request_view as
select user_id, email, first_name, last_name, requested_at
from clinic.password_reset_request
join clinic.user_account on user_account.id = user_id
where erased_at is null;
