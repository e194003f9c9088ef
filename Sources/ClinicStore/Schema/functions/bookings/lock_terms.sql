-- Locks what a new booking was decided on, and returns the names that the booking is shown with.
--
-- Locks: the department (share), the doctor and the patient (no key update), in this order.
-- Refusals: STALE_VERSION when doctor or department is no longer at the version that was decided on, USER_NOT_FOUND.
create function lock_terms(p_doctor bigint, p_doctor_version bigint, p_department_version bigint, p_user bigint)
returns booking_terms language plpgsql as $$
declare
    terms booking_terms;
begin
    select null, full_name, department_id, department.name, first_name, last_name into terms
    from clinic.doctor
    join clinic.department on department.id = doctor.department_id
    cross join clinic.user_account
    where doctor.id = p_doctor and user_account.id = p_user
        and may_be_booked(doctor, p_doctor_version, department, p_department_version, user_account)
    for share of department for no key update of doctor for no key update of user_account;
    if not found then
        terms.refusal := case when are_at_versions(p_doctor, p_doctor_version, p_department_version)
            then 'USER_NOT_FOUND' else 'STALE_VERSION' end;
    end if;
    return terms;
end
$$;
