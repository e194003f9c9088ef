-- Whether doctor and department are still at the versions that were decided on; they then stay so until the transaction ends.
--
-- Locks: doctor and department (share).
create function lock_versions(p_doctor bigint, p_doctor_version bigint, p_department_version bigint)
returns boolean language plpgsql as $$
begin
    perform 1 from clinic.doctor
    join clinic.department on department.id = doctor.department_id
    where doctor.id = p_doctor and has_versions(doctor, p_doctor_version, department, p_department_version)
    for share;
    return found;
end
$$;
