-- Whether doctor and department are still at the versions that were decided on.
create function are_at_versions(p_doctor bigint, p_doctor_version bigint, p_department_version bigint)
returns boolean language plpgsql as $$
begin
    return exists (
        select from clinic.doctor
        join clinic.department on department.id = doctor.department_id
        where doctor.id = p_doctor and has_versions(doctor, p_doctor_version, department, p_department_version));
end
$$;
