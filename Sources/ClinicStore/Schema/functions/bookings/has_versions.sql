-- Whether doctor and department exist at the versions that were decided on, and the settings are those that were decided by.
create function has_versions(
    doctor clinic.doctor, p_doctor_version bigint, department clinic.department, p_department_version bigint)
returns boolean language sql stable as $$
    select doctor.version = p_doctor_version and doctor.deleted_at is null
        and department.version = p_department_version and department.deleted_at is null
        and is_current(department.settings_version)
$$;
