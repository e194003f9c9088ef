-- Tells every server that keeps the directory in memory that it has changed; a transaction that changes much tells so
-- once. What has changed is not said: who may listen need not be who may read.
--
-- Commits that notify wait for each other, so only this notifies: a booking locks its doctor and does not change one.
create function clinic.note_directory_change() returns trigger language plpgsql as $$
begin
    perform pg_notify('clinic_directory', '');
    return null;
end
$$;
create trigger department_change after insert or update or delete or truncate on clinic.department
    for each statement execute function clinic.note_directory_change();
create trigger doctor_change after insert or update or delete or truncate on clinic.doctor
    for each statement execute function clinic.note_directory_change();
create trigger time_off_change after insert or update or delete or truncate on clinic.time_off
    for each statement execute function clinic.note_directory_change();
