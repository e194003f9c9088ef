-- The users who were not erased.
create view user_view as
select id, first_name, last_name, phone, email, role, version
from clinic.user_account
where erased_at is null;
