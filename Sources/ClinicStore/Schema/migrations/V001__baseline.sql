-- The tables of the clinic with their constraints, indexes and sequences.
--
-- What must never happen (two patients in one slot, two live payments of one booking, a total that is not the sum of its
-- parts) is a constraint, so that it holds whatever a program does. The functions that triggers, checks and index
-- predicates call are in Schema/triggers and are created before this file runs; all other functions and all views belong
-- to the API schema and can be replaced without touching a table.
--
-- This file is never edited once a database has applied it: a change of a table is the next migration.

create extension if not exists btree_gist schema clinic;

-- Departments, people, doctors ----------------------------------------------------------------------------------------

create table clinic.department (
    id bigint generated always as identity primary key,
    name text not null,
    -- The name folded for comparison by the service: PostgreSQL's lower() depends on the database's locale.
    name_key text not null,
    -- Minutes since midnight.
    opens smallint not null,
    closes smallint not null,
    created_date date not null,
    last_update date not null,
    version bigint not null default 1,
    deleted_at timestamptz,
    constraint department_hours check (0 <= opens and opens <= closes and closes <= 1440)
);
create unique index department_live_name on clinic.department (name_key) where deleted_at is null;

create table clinic.user_account (
    id bigint generated always as identity primary key,
    first_name text not null,
    last_name text not null,
    phone text not null,
    -- Trimmed and lower-cased by the service.
    email text not null,
    password_hash text not null,
    role text not null default 'PATIENT',
    version bigint not null default 1,
    -- A token counts only while it names this version: adding one signs the user out everywhere.
    token_version bigint not null default 1,
    -- The transaction that last changed the role or the token version or erased the user; null while none did.
    access_changed_by bigint,
    created_at timestamptz not null default now(),
    erased_at timestamptz,
    constraint user_account_email unique (email),
    constraint user_account_role check (role in ('PATIENT', 'STAFF', 'ADMIN'))
);
create index user_account_of_role on clinic.user_account (role, id);
create index user_account_by_access_change on clinic.user_account (access_changed_by)
    where access_changed_by is not null;
create trigger user_account_access_change before update on clinic.user_account for each row
    when (old.role is distinct from new.role or old.token_version is distinct from new.token_version
        or old.erased_at is distinct from new.erased_at)
    execute function clinic.stamp_access_change();

-- One row for each place where a user is signed in. All refresh tokens of one sign-in begin with the same secret, whose
-- digest is the key; only the newest of them counts, and the use of an older one ends the sign-in.
create table clinic.refresh_family (
    family bytea primary key,
    user_id bigint not null references clinic.user_account on delete restrict,
    token bytea not null,
    token_version bigint not null,
    created_at timestamptz not null,
    refreshed_at timestamptz not null,
    expires_at timestamptz not null
);
create index refresh_family_of_user on clinic.refresh_family (user_id, refreshed_at);

create table clinic.doctor (
    id bigint generated always as identity primary key,
    department_id bigint not null references clinic.department on delete restrict,
    full_name text not null,
    registration_number text not null,
    registration_expiry date not null,
    -- In minor units, without GST.
    fee bigint not null,
    slot_minutes smallint not null,
    gst_free boolean not null,
    -- Minutes since Monday 00:00, a start and an end in turn. Empty: the doctor works whenever the department is open.
    weekly_hours bigint[] not null default '{}',
    version bigint not null default 1,
    deleted_at timestamptz,
    constraint doctor_fee check (fee >= 0),
    constraint doctor_slot check (slot_minutes between 5 and 240),
    constraint doctor_weekly_hours check (clinic.is_week(weekly_hours))
);
create unique index doctor_live_registration on clinic.doctor (registration_number) where deleted_at is null;
create index doctor_of_department on clinic.doctor (department_id, id) where deleted_at is null;

-- The length is bounded, so that a search for what touches a time need not look at everything that began before it.
create table clinic.time_off (
    id bigint generated always as identity primary key,
    doctor_id bigint not null references clinic.doctor on delete restrict,
    start_time timestamptz not null,
    end_time timestamptz not null,
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    constraint time_off_period check (start_time < end_time),
    constraint time_off_length check (end_time - start_time <= interval '8784 hours')
);
create index time_off_of_doctor on clinic.time_off (doctor_id, start_time, id) where deleted_at is null;
create index time_off_by_start on clinic.time_off (start_time, id) where deleted_at is null;

create trigger department_change after insert or update or delete or truncate on clinic.department
    for each statement execute function clinic.notify_directory_change();
create trigger doctor_change after insert or update or delete or truncate on clinic.doctor
    for each statement execute function clinic.notify_directory_change();
create trigger time_off_change after insert or update or delete or truncate on clinic.time_off
    for each statement execute function clinic.notify_directory_change();

-- Bookings ------------------------------------------------------------------------------------------------------------

create sequence clinic.booking_id_seq;

create table clinic.booking (
    id bigint primary key default nextval('clinic.booking_id_seq'),
    -- Bookings of one session share the doctor's time. The session of an ordinary booking is the booking itself.
    session_id bigint not null default currval('clinic.booking_id_seq'),
    doctor_id bigint not null references clinic.doctor on delete restrict,
    user_id bigint not null references clinic.user_account on delete restrict,
    -- The visit, as the patient is told it.
    start_time timestamptz not null,
    end_time timestamptz not null,
    period tstzrange not null generated always as (tstzrange(start_time, end_time, '[)')) stored,
    -- What the doctor cannot give to anybody else: the visit with the time before and after it that it needs.
    occupied tstzrange not null,
    status text not null,
    -- Set for a hold, and kept when it expires.
    hold_expires_at timestamptz,
    -- The price is fixed when the booking is made: a later change of the doctor's fee does not touch it.
    fee bigint not null,
    gst bigint not null,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    hidden_at timestamptz,
    constraint booking_period check (start_time < end_time),
    constraint booking_occupied check (occupied @> period),
    constraint booking_price check (fee >= 0 and gst >= 0),
    constraint booking_status check (status in
        ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED', 'COMPLETED', 'CANCELLED', 'EXPIRED', 'NO_SHOW')),
    constraint booking_hold check (status <> 'HELD' or hold_expires_at is not null),
    -- Bookings that no longer occupy time do not count, or a cancelled slot could never be booked again. A constraint
    -- cannot look at the clock: an expired hold counts until somebody who wants its time sets it to EXPIRED.
    constraint booking_doctor_busy exclude using gist (doctor_id with =, occupied with &&, session_id with <>)
        where (clinic.occupies_time(status)),
    constraint booking_patient_busy exclude using gist (user_id with =, period with &&)
        where (clinic.occupies_time(status))
);
-- GiST copies each range that it compares unless ranges are stored plain: a third of what the two constraints cost.
alter table clinic.booking alter period set storage plain, alter occupied set storage plain;
alter sequence clinic.booking_id_seq owned by clinic.booking.id;
create index booking_of_user on clinic.booking (user_id, start_time, id);
create index booking_of_doctor on clinic.booking (doctor_id, start_time, id) where hidden_at is null;
create index booking_by_start on clinic.booking (start_time, id) where hidden_at is null;
create index booking_of_status on clinic.booking (status, start_time, id) where hidden_at is null;
create index booking_held on clinic.booking (user_id, hold_expires_at) where status = 'HELD';
-- A search for free slots reads the busy times of each doctor's week from this index alone.
create index booking_calendar on clinic.booking (doctor_id, start_time) include (end_time, status, hold_expires_at)
    where clinic.occupies_time(status) and hidden_at is null;
-- Reports read ranges of time in tables that grow with time: a block range index finds them and costs writers nothing.
create index booking_report on clinic.booking using brin (start_time);

-- Money ---------------------------------------------------------------------------------------------------------------

create sequence clinic.transaction_id_seq;

create table clinic.transaction (
    id bigint primary key default nextval('clinic.transaction_id_seq'),
    booking_id bigint not null references clinic.booking on delete restrict,
    user_id bigint not null references clinic.user_account on delete restrict,
    fee bigint not null,
    gst bigint not null,
    total_fee bigint not null,
    refunded_amount bigint not null default 0,
    refunded_gst bigint not null default 0,
    status text not null,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    hidden_at timestamptz,
    constraint transaction_total check (fee >= 0 and gst >= 0 and fee + gst = total_fee),
    constraint transaction_refund check (
        0 <= refunded_gst and refunded_gst <= gst
        and refunded_gst <= refunded_amount and refunded_amount - refunded_gst <= fee),
    constraint transaction_status check (status in
        ('PENDING', 'PAID', 'PARTIALLY_REFUNDED', 'REFUNDED', 'FAILED', 'VOIDED')),
    -- The status tells how much was given back.
    constraint transaction_refund_status check (
        case status
            when 'PARTIALLY_REFUNDED' then 0 < refunded_amount and refunded_amount < total_fee
            when 'REFUNDED' then refunded_amount = total_fee
            when 'VOIDED' then refunded_amount = total_fee
            else refunded_amount = 0
        end)
);
alter sequence clinic.transaction_id_seq owned by clinic.transaction.id;
-- At most one live payment of a booking; a refunded or failed one leaves room for the next.
create unique index transaction_one_live on clinic.transaction (booking_id) where clinic.is_live_payment(status);
-- The transaction's number is in no index of several columns: on a table that was never analysed PostgreSQL takes such an
-- index to be as good as the primary key, and foreign key checks then read all of it.
create index transaction_of_booking on clinic.transaction (booking_id);
create index transaction_of_user on clinic.transaction (user_id, id) where hidden_at is null;
create index transaction_of_status on clinic.transaction (status, id) where hidden_at is null;

-- Append-only double entry: a debit is positive, a credit negative, and the entries of one journal sum to zero. A journal
-- is a number and not a table: a foreign key needs the right to update the rows it locks, which nobody has.
create sequence clinic.ledger_journal;
create table clinic.ledger_entry (
    id bigint generated always as identity primary key,
    journal bigint not null,
    transaction_id bigint not null references clinic.transaction on delete restrict,
    kind text not null check (kind in ('PAYMENT', 'REFUND', 'VOID')),
    account text not null check (account in ('clearing', 'revenue', 'gst_payable')),
    amount bigint not null check (amount <> 0),
    created_at timestamptz not null default now()
);
create index ledger_entry_of_journal on clinic.ledger_entry (journal);
create index ledger_entry_of_transaction on clinic.ledger_entry (transaction_id);
create index ledger_entry_by_time on clinic.ledger_entry using brin (created_at);
create trigger ledger_entry_balances after insert on clinic.ledger_entry
    referencing new table as written for each statement execute function clinic.check_journal_balances();

-- Events --------------------------------------------------------------------------------------------------------------

-- The audit trail, which watchers read too. Sequence numbers are given out before transactions commit, so a reader of
-- sequences alone would pass by whoever commits late. Readers order by (transaction number, sequence) and stay below the
-- oldest running transaction.
create sequence clinic.event_sequence;
create table clinic.event (
    sequence bigint not null default nextval('clinic.event_sequence'),
    transaction_number bigint not null default pg_current_xact_id()::text::bigint,
    occurred_at timestamptz not null default clock_timestamp(),
    -- Null: nobody who was signed in.
    actor_id bigint,
    -- The patient and the doctor whom the event concerns; null where there is none.
    user_id bigint,
    doctor_id bigint,
    method text not null,
    entity text not null,
    entity_id bigint not null,
    change jsonb not null,
    primary key (sequence)
) partition by range (sequence);
create index event_by_position on clinic.event (transaction_number, sequence);
create index event_of_entity on clinic.event (entity, entity_id, transaction_number, sequence);
create index event_of_actor on clinic.event (actor_id, transaction_number, sequence);
create index event_of_user on clinic.event (user_id, transaction_number, sequence) where user_id is not null;
create index event_of_doctor on clinic.event (doctor_id, transaction_number, sequence) where doctor_id is not null;
create index event_by_time on clinic.event using brin (occurred_at);
-- There is no default partition: what it collected would have to be moved before a partition of its own could be made.
select clinic.add_event_partitions(4);

-- Repeated calls ------------------------------------------------------------------------------------------------------

-- The response to a client's key, so that a repeated call gets the same response and has no second effect. There is no
-- foreign key: a key lives for a day, the row of a user is never deleted, and the check was a fourth of a key's cost.
create table clinic.idempotency_key (
    user_id bigint not null,
    key text not null,
    method text not null,
    request_digest bytea not null,
    response jsonb not null,
    created_at timestamptz not null default now(),
    primary key (user_id, key)
);
create index idempotency_key_by_age on clinic.idempotency_key (created_at);

-- Nothing about money or history is ever changed: the role that owns the tables gives up the right to.
revoke update, delete, truncate on clinic.ledger_entry, clinic.event from current_user;
