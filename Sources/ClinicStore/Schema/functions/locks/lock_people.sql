-- Locks the doctors and the patients whose time is taken: nobody else then books theirs. The departments stay as they are.
--
-- Locks: the doctors' departments (share), the doctors and the patients (no key update), each by number.
create function lock_people(p_doctors bigint[], p_users bigint[]) returns void language plpgsql as $$
begin
    perform 1 from clinic.department
    where id = any (array(select department_id from clinic.doctor where doctor.id = any (p_doctors)))
    order by id for share;
    perform 1 from clinic.doctor where id = any (p_doctors) order by id for no key update;
    perform 1 from clinic.user_account where id = any (p_users) order by id for no key update;
end
$$;
