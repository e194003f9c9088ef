-- The departments that were not deleted.
create view department_view as
select id, name, opens, closes, created_date, last_update, version
from clinic.department
where deleted_at is null;
