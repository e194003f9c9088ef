-- Whether a new booking of this doctor for this patient may be made on the terms that were decided on.
create function may_be_booked(
    doctor clinic.doctor, p_doctor_version bigint, department clinic.department, p_department_version bigint,
    patient clinic.user_account)
returns boolean language sql stable as $$
    select has_versions(doctor, p_doctor_version, department, p_department_version) and patient.erased_at is null
$$;
