-- The clinic's tables. What must never happen (two patients in one slot, two live payments, a total that is not
-- the sum of its parts) is a constraint here, so that it holds whatever the program does.

create extension if not exists btree_gist;

create schema clinic;

create table clinic.department (
    id bigint generated always as identity primary key,
    name text not null,
    -- The name folded for comparison by the service: PostgreSQL's lower() depends on the database's locale.
    name_key text not null,
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
    created_at timestamptz not null default now(),
    constraint user_account_email unique (email),
    constraint user_account_role check (role in ('PATIENT', 'STAFF', 'ADMIN'))
);
create index user_account_of_role on clinic.user_account (role, id);

create table clinic.doctor (
    id bigint generated always as identity primary key,
    department_id bigint not null references clinic.department on delete restrict,
    full_name text not null,
    registration_number text not null,
    registration_expiry date not null,
    fee bigint not null,
    slot_minutes smallint not null,
    gst_free boolean not null,
    version bigint not null default 1,
    deleted_at timestamptz,
    constraint doctor_fee check (fee >= 0),
    constraint doctor_slot check (slot_minutes between 5 and 240)
);
create unique index doctor_live_registration on clinic.doctor (registration_number) where deleted_at is null;
create index doctor_of_department on clinic.doctor (department_id, id) where deleted_at is null;

create table clinic.booking (
    id bigint generated always as identity primary key,
    doctor_id bigint not null references clinic.doctor on delete restrict,
    user_id bigint not null references clinic.user_account on delete restrict,
    start_time timestamptz not null,
    end_time timestamptz not null,
    period tstzrange not null generated always as (tstzrange(start_time, end_time, '[)')) stored,
    status text not null,
    -- The price is fixed when the booking is made: a later change of the doctor's fee does not touch it.
    fee bigint not null,
    gst bigint not null,
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    hidden_at timestamptz,
    constraint booking_period check (start_time < end_time),
    constraint booking_price check (fee >= 0 and gst >= 0),
    constraint booking_status check (status in
        ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED', 'COMPLETED', 'CANCELLED', 'EXPIRED', 'NO_SHOW')),
    -- Only the statuses that occupy time count, or a cancelled slot could never be booked again.
    constraint booking_doctor_busy exclude using gist (doctor_id with =, period with &&)
        where (status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED')),
    constraint booking_patient_busy exclude using gist (user_id with =, period with &&)
        where (status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED'))
);
create index booking_of_user on clinic.booking (user_id, start_time, id) where hidden_at is null;
create index booking_of_doctor on clinic.booking (doctor_id, start_time, id) where hidden_at is null;
create index booking_by_start on clinic.booking (start_time, id) where hidden_at is null;
create index booking_of_status on clinic.booking (status, start_time, id) where hidden_at is null;

create table clinic.transaction (
    id bigint generated always as identity primary key,
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
        ('PENDING', 'PAID', 'PARTIALLY_REFUNDED', 'REFUNDED', 'FAILED', 'VOIDED'))
);
-- At most one live payment for a booking; a refunded or failed one leaves room for the next.
create unique index transaction_one_live on clinic.transaction (booking_id)
    where status in ('PENDING', 'PAID', 'PARTIALLY_REFUNDED');
create index transaction_of_booking on clinic.transaction (booking_id, id) where hidden_at is null;
create index transaction_of_user on clinic.transaction (user_id, id) where hidden_at is null;
create index transaction_of_status on clinic.transaction (status, id) where hidden_at is null;

-- Append-only double entry: a debit is positive, a credit negative, and the entries of one journal sum to zero.
-- A journal is a number, not a table: a foreign key to one would need the right to lock, and so to update, its
-- rows, which nobody has.
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

create function clinic.check_journal_balances() returns trigger language plpgsql as $$
begin
    if (select sum(amount) from clinic.ledger_entry where journal = new.journal) <> 0 then
        raise exception 'journal % does not sum to zero', new.journal using errcode = 'check_violation';
    end if;
    return null;
end
$$;
create constraint trigger ledger_entry_balances after insert on clinic.ledger_entry
    deferrable initially deferred for each row execute function clinic.check_journal_balances();

-- The audit trail. The transaction number lets a reader deliver only below the oldest running transaction, since
-- transactions do not commit in the order of their sequence numbers.
create table clinic.event (
    sequence bigint generated always as identity primary key,
    transaction_number xid8 not null default pg_current_xact_id(),
    occurred_at timestamptz not null default clock_timestamp(),
    actor_id bigint,
    method text not null,
    entity text not null,
    entity_id bigint not null,
    change jsonb not null
);
create index event_in_commit_order on clinic.event (transaction_number, sequence);

-- What a client key was answered with, so that a repeated call gets the same answer and no second effect.
create table clinic.idempotency_key (
    user_id bigint not null references clinic.user_account on delete restrict,
    key text not null,
    method text not null,
    request_digest bytea not null,
    answer jsonb not null,
    created_at timestamptz not null default now(),
    primary key (user_id, key)
);
create index idempotency_key_by_age on clinic.idempotency_key (created_at);

-- Nothing about money or history is ever changed: the role the service works under, which owns these tables,
-- gives up the right.
revoke update, delete, truncate on clinic.ledger_entry, clinic.event from current_user;
