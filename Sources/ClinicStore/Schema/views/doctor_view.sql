-- The doctors who were not deleted, with their departments.
create view doctor_view as
select doctor.id, full_name, registration_number, registration_expiry, fee, slot_minutes, gst_free, doctor.version,
    department.id as department_id, department.name as department_name, weekly_hours
from clinic.doctor
join clinic.department on department.id = doctor.department_id
where doctor.deleted_at is null;
