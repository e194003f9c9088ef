-- Whether no other booking of the doctor or of the patient may overlap one: its status occupies time, or it was completed before
-- its end. The constraints of the table booking are made with it.
create or replace function clinic.keeps_time(status text, completed_at timestamptz, end_time timestamptz)
returns boolean language sql immutable as $$
    select status not in ('COMPLETED', 'CANCELLED', 'EXPIRED', 'NO_SHOW') or completed_at < end_time
$$;
