-- A small clinic as migration 1 and its functions left it: an administrator, two patients, two doctors, bookings in several
-- statuses with their payments, events and keys. Every later version has to bring it up to date. Never edited; it was made by
-- pg_dump --inserts of PostgreSQL 15 and can be restored with psql into an empty database.
--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: clinic; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA clinic;


--
-- Name: btree_gist; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA clinic;


--
-- Name: is_week(bigint[]); Type: FUNCTION; Schema: clinic; Owner: -
--

CREATE FUNCTION clinic.is_week(minutes bigint[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    select cardinality(minutes) % 2 = 0 and coalesce(bool_and(
        case when place % 2 = 1
            then minute between 0 and 10079 and minutes[place + 1] > minute
                and minutes[place + 1] <= (minute / 1440 + 1) * 1440
            else place = cardinality(minutes) or minutes[place + 1] >= minute
        end), true)
    from unnest(minutes) with ordinality as one (minute, place)
$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: booking; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.booking (
    id bigint NOT NULL,
    session_id bigint NOT NULL,
    doctor_id bigint NOT NULL,
    user_id bigint NOT NULL,
    start_time timestamp with time zone NOT NULL,
    end_time timestamp with time zone NOT NULL,
    period tstzrange GENERATED ALWAYS AS (tstzrange(start_time, end_time, '[)'::text)) STORED NOT NULL,
    occupied tstzrange NOT NULL,
    status text NOT NULL,
    hold_expires_at timestamp with time zone,
    fee bigint NOT NULL,
    gst bigint NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    hidden_at timestamp with time zone,
    CONSTRAINT booking_hold CHECK (((status <> 'HELD'::text) OR (hold_expires_at IS NOT NULL))),
    CONSTRAINT booking_occupied CHECK ((occupied @> period)),
    CONSTRAINT booking_period CHECK ((start_time < end_time)),
    CONSTRAINT booking_price CHECK (((fee >= 0) AND (gst >= 0))),
    CONSTRAINT booking_status CHECK ((status = ANY (ARRAY['HELD'::text, 'BOOKED'::text, 'CONFIRMED'::text, 'ARRIVED'::text, 'COMPLETED'::text, 'CANCELLED'::text, 'EXPIRED'::text, 'NO_SHOW'::text])))
);
ALTER TABLE ONLY clinic.booking ALTER COLUMN period SET STORAGE PLAIN;
ALTER TABLE ONLY clinic.booking ALTER COLUMN occupied SET STORAGE PLAIN;


--
-- Name: department; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.department (
    id bigint NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    opens smallint NOT NULL,
    closes smallint NOT NULL,
    created_date date NOT NULL,
    last_update date NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT department_hours CHECK (((0 <= opens) AND (opens <= closes) AND (closes <= 1440)))
);


--
-- Name: doctor; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.doctor (
    id bigint NOT NULL,
    department_id bigint NOT NULL,
    full_name text NOT NULL,
    registration_number text NOT NULL,
    registration_expiry date NOT NULL,
    fee bigint NOT NULL,
    slot_minutes smallint NOT NULL,
    gst_free boolean NOT NULL,
    weekly_hours bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT doctor_fee CHECK ((fee >= 0)),
    CONSTRAINT doctor_slot CHECK (((slot_minutes >= 5) AND (slot_minutes <= 240))),
    CONSTRAINT doctor_weekly_hours CHECK (clinic.is_week(weekly_hours))
);


--
-- Name: user_account; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.user_account (
    id bigint NOT NULL,
    first_name text NOT NULL,
    last_name text NOT NULL,
    phone text NOT NULL,
    email text NOT NULL,
    password_hash text NOT NULL,
    role text DEFAULT 'PATIENT'::text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    token_version bigint DEFAULT 1 NOT NULL,
    access_changed_by bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    erased_at timestamp with time zone,
    CONSTRAINT user_account_role CHECK ((role = ANY (ARRAY['PATIENT'::text, 'STAFF'::text, 'ADMIN'::text])))
);


--
-- Name: transaction; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.transaction (
    id bigint NOT NULL,
    booking_id bigint NOT NULL,
    user_id bigint NOT NULL,
    fee bigint NOT NULL,
    gst bigint NOT NULL,
    total_fee bigint NOT NULL,
    refunded_amount bigint DEFAULT 0 NOT NULL,
    refunded_gst bigint DEFAULT 0 NOT NULL,
    status text NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    hidden_at timestamp with time zone,
    CONSTRAINT transaction_refund CHECK (((0 <= refunded_gst) AND (refunded_gst <= gst) AND (refunded_gst <= refunded_amount) AND ((refunded_amount - refunded_gst) <= fee))),
    CONSTRAINT transaction_refund_status CHECK (
CASE status
    WHEN 'PARTIALLY_REFUNDED'::text THEN ((0 < refunded_amount) AND (refunded_amount < total_fee))
    WHEN 'REFUNDED'::text THEN (refunded_amount = total_fee)
    WHEN 'VOIDED'::text THEN (refunded_amount = total_fee)
    ELSE (refunded_amount = 0)
END),
    CONSTRAINT transaction_status CHECK ((status = ANY (ARRAY['PENDING'::text, 'PAID'::text, 'PARTIALLY_REFUNDED'::text, 'REFUNDED'::text, 'FAILED'::text, 'VOIDED'::text]))),
    CONSTRAINT transaction_total CHECK (((fee >= 0) AND (gst >= 0) AND ((fee + gst) = total_fee)))
);


--
-- Name: time_off; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.time_off (
    id bigint NOT NULL,
    doctor_id bigint NOT NULL,
    start_time timestamp with time zone NOT NULL,
    end_time timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT time_off_length CHECK (((end_time - start_time) <= '8784:00:00'::interval)),
    CONSTRAINT time_off_period CHECK ((start_time < end_time))
);


--
-- Name: add_event_partitions(bigint); Type: FUNCTION; Schema: clinic; Owner: -
--

CREATE FUNCTION clinic.add_event_partitions(p_ahead bigint) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
declare
    size constant bigint := 10000000;
    current bigint;
    partition text;
    added bigint := 0;
begin
    perform pg_advisory_xact_lock(7411, 2);
    select last_value / size into current from clinic.event_sequence;
    for number in current..current + p_ahead loop
        partition := format('event_%s', to_char(number, 'FM00000'));
        continue when to_regclass('clinic.' || partition) is not null;
        execute format('create table clinic.%I (like clinic.event including defaults including constraints)', partition);
        -- The right to change history is given up on each partition as it is on the whole table.
        execute format('revoke update, delete, truncate on clinic.%I from current_user', partition);
        execute format('alter table clinic.event attach partition clinic.%I for values from (%s) to (%s)',
            partition, number * size, (number + 1) * size);
        added := added + 1;
    end loop;
    return added;
end
$$;


--
-- Name: check_journal_balances(); Type: FUNCTION; Schema: clinic; Owner: -
--

CREATE FUNCTION clinic.check_journal_balances() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if exists (select from written group by journal having sum(amount) <> 0) then
        raise exception 'a journal does not sum to zero' using errcode = 'check_violation';
    end if;
    return null;
end
$$;


--
-- Name: is_live_payment(text); Type: FUNCTION; Schema: clinic; Owner: -
--

CREATE FUNCTION clinic.is_live_payment(status text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    select status not in ('REFUNDED', 'FAILED', 'VOIDED')
$$;


--
-- Name: notify_directory_change(); Type: FUNCTION; Schema: clinic; Owner: -
--

CREATE FUNCTION clinic.notify_directory_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform pg_notify('clinic_directory', '');
    return null;
end
$$;


--
-- Name: occupies_time(text); Type: FUNCTION; Schema: clinic; Owner: -
--

CREATE FUNCTION clinic.occupies_time(status text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
    select status not in ('COMPLETED', 'CANCELLED', 'EXPIRED', 'NO_SHOW')
$$;


--
-- Name: stamp_access_change(); Type: FUNCTION; Schema: clinic; Owner: -
--

CREATE FUNCTION clinic.stamp_access_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    new.access_changed_by := pg_current_xact_id()::text::bigint;
    return new;
end
$$;


--
-- Name: event_sequence; Type: SEQUENCE; Schema: clinic; Owner: -
--

CREATE SEQUENCE clinic.event_sequence
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: event; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.event (
    sequence bigint DEFAULT nextval('clinic.event_sequence'::regclass) NOT NULL,
    transaction_number bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor_id bigint,
    user_id bigint,
    doctor_id bigint,
    method text NOT NULL,
    entity text NOT NULL,
    entity_id bigint NOT NULL,
    change jsonb NOT NULL
)
PARTITION BY RANGE (sequence);


--
-- Name: ledger_entry; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.ledger_entry (
    id bigint NOT NULL,
    journal bigint NOT NULL,
    transaction_id bigint NOT NULL,
    kind text NOT NULL,
    account text NOT NULL,
    amount bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ledger_entry_account_check CHECK ((account = ANY (ARRAY['clearing'::text, 'revenue'::text, 'gst_payable'::text]))),
    CONSTRAINT ledger_entry_amount_check CHECK ((amount <> 0)),
    CONSTRAINT ledger_entry_kind_check CHECK ((kind = ANY (ARRAY['PAYMENT'::text, 'REFUND'::text, 'VOID'::text])))
);


--
-- Name: booking_id_seq; Type: SEQUENCE; Schema: clinic; Owner: -
--

CREATE SEQUENCE clinic.booking_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: booking_id_seq; Type: SEQUENCE OWNED BY; Schema: clinic; Owner: -
--

ALTER SEQUENCE clinic.booking_id_seq OWNED BY clinic.booking.id;


--
-- Name: department_id_seq; Type: SEQUENCE; Schema: clinic; Owner: -
--

ALTER TABLE clinic.department ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME clinic.department_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: doctor_id_seq; Type: SEQUENCE; Schema: clinic; Owner: -
--

ALTER TABLE clinic.doctor ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME clinic.doctor_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: event_00000; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.event_00000 (
    sequence bigint DEFAULT nextval('clinic.event_sequence'::regclass) NOT NULL,
    transaction_number bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor_id bigint,
    user_id bigint,
    doctor_id bigint,
    method text NOT NULL,
    entity text NOT NULL,
    entity_id bigint NOT NULL,
    change jsonb NOT NULL
);


--
-- Name: event_00001; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.event_00001 (
    sequence bigint DEFAULT nextval('clinic.event_sequence'::regclass) NOT NULL,
    transaction_number bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor_id bigint,
    user_id bigint,
    doctor_id bigint,
    method text NOT NULL,
    entity text NOT NULL,
    entity_id bigint NOT NULL,
    change jsonb NOT NULL
);


--
-- Name: event_00002; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.event_00002 (
    sequence bigint DEFAULT nextval('clinic.event_sequence'::regclass) NOT NULL,
    transaction_number bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor_id bigint,
    user_id bigint,
    doctor_id bigint,
    method text NOT NULL,
    entity text NOT NULL,
    entity_id bigint NOT NULL,
    change jsonb NOT NULL
);


--
-- Name: event_00003; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.event_00003 (
    sequence bigint DEFAULT nextval('clinic.event_sequence'::regclass) NOT NULL,
    transaction_number bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor_id bigint,
    user_id bigint,
    doctor_id bigint,
    method text NOT NULL,
    entity text NOT NULL,
    entity_id bigint NOT NULL,
    change jsonb NOT NULL
);


--
-- Name: event_00004; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.event_00004 (
    sequence bigint DEFAULT nextval('clinic.event_sequence'::regclass) NOT NULL,
    transaction_number bigint DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    occurred_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor_id bigint,
    user_id bigint,
    doctor_id bigint,
    method text NOT NULL,
    entity text NOT NULL,
    entity_id bigint NOT NULL,
    change jsonb NOT NULL
);


--
-- Name: idempotency_key; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.idempotency_key (
    user_id bigint NOT NULL,
    key text NOT NULL,
    method text NOT NULL,
    request_digest bytea NOT NULL,
    response jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: ledger_entry_id_seq; Type: SEQUENCE; Schema: clinic; Owner: -
--

ALTER TABLE clinic.ledger_entry ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME clinic.ledger_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: ledger_journal; Type: SEQUENCE; Schema: clinic; Owner: -
--

CREATE SEQUENCE clinic.ledger_journal
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: refresh_family; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.refresh_family (
    family bytea NOT NULL,
    user_id bigint NOT NULL,
    token bytea NOT NULL,
    token_version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    refreshed_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);


--
-- Name: schema_migration; Type: TABLE; Schema: clinic; Owner: -
--

CREATE TABLE clinic.schema_migration (
    version bigint NOT NULL,
    name text NOT NULL,
    checksum bytea NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: time_off_id_seq; Type: SEQUENCE; Schema: clinic; Owner: -
--

ALTER TABLE clinic.time_off ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME clinic.time_off_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: transaction_id_seq; Type: SEQUENCE; Schema: clinic; Owner: -
--

CREATE SEQUENCE clinic.transaction_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: transaction_id_seq; Type: SEQUENCE OWNED BY; Schema: clinic; Owner: -
--

ALTER SEQUENCE clinic.transaction_id_seq OWNED BY clinic.transaction.id;


--
-- Name: user_account_id_seq; Type: SEQUENCE; Schema: clinic; Owner: -
--

ALTER TABLE clinic.user_account ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME clinic.user_account_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: event_00000; Type: TABLE ATTACH; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.event ATTACH PARTITION clinic.event_00000 FOR VALUES FROM ('0') TO ('10000000');


--
-- Name: event_00001; Type: TABLE ATTACH; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.event ATTACH PARTITION clinic.event_00001 FOR VALUES FROM ('10000000') TO ('20000000');


--
-- Name: event_00002; Type: TABLE ATTACH; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.event ATTACH PARTITION clinic.event_00002 FOR VALUES FROM ('20000000') TO ('30000000');


--
-- Name: event_00003; Type: TABLE ATTACH; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.event ATTACH PARTITION clinic.event_00003 FOR VALUES FROM ('30000000') TO ('40000000');


--
-- Name: event_00004; Type: TABLE ATTACH; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.event ATTACH PARTITION clinic.event_00004 FOR VALUES FROM ('40000000') TO ('50000000');


--
-- Name: booking id; Type: DEFAULT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.booking ALTER COLUMN id SET DEFAULT nextval('clinic.booking_id_seq'::regclass);


--
-- Name: booking session_id; Type: DEFAULT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.booking ALTER COLUMN session_id SET DEFAULT currval('clinic.booking_id_seq'::regclass);


--
-- Name: transaction id; Type: DEFAULT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.transaction ALTER COLUMN id SET DEFAULT nextval('clinic.transaction_id_seq'::regclass);


--
-- Data for Name: booking; Type: TABLE DATA; Schema: clinic; Owner: -
--

INSERT INTO clinic.booking VALUES (5, 5, 2, 3, '2098-02-05 00:00:00+00', '2098-02-05 00:15:00+00', DEFAULT, '["2098-02-05 00:00:00+00","2098-02-05 00:15:00+00")', 'BOOKED', NULL, 9250, 0, 1, '2026-11-30 17:12:25.066399+00', NULL);
INSERT INTO clinic.booking VALUES (1, 1, 1, 2, '2098-02-01 00:00:00+00', '2098-02-01 00:30:00+00', DEFAULT, '["2098-02-01 00:00:00+00","2098-02-01 00:30:00+00")', 'CONFIRMED', NULL, 20099, 2010, 2, '2026-11-30 17:12:25.066399+00', NULL);
INSERT INTO clinic.booking VALUES (2, 2, 1, 2, '2098-02-02 00:00:00+00', '2098-02-02 00:30:00+00', DEFAULT, '["2098-02-02 00:00:00+00","2098-02-02 00:30:00+00")', 'CANCELLED', NULL, 20099, 2010, 3, '2026-11-30 17:12:25.066399+00', NULL);
INSERT INTO clinic.booking VALUES (3, 3, 1, 2, '2098-02-03 00:00:00+00', '2098-02-03 00:30:00+00', DEFAULT, '["2098-02-03 00:00:00+00","2098-02-03 00:30:00+00")', 'BOOKED', NULL, 20099, 2010, 3, '2026-11-30 17:12:25.066399+00', NULL);
INSERT INTO clinic.booking VALUES (4, 4, 1, 3, '2098-02-04 00:00:00+00', '2098-02-04 00:30:00+00', DEFAULT, '["2098-02-04 00:00:00+00","2098-02-04 00:30:00+00")', 'CANCELLED', NULL, 20099, 2010, 2, '2026-11-30 17:12:25.066399+00', NULL);
INSERT INTO clinic.booking VALUES (6, 6, 2, 2, '2098-02-06 00:00:00+00', '2098-02-06 00:15:00+00', DEFAULT, '["2098-02-06 00:00:00+00","2098-02-06 00:15:00+00")', 'HELD', '2026-01-01 00:00:00+00', 9250, 0, 1, '2026-11-30 17:12:25.138784+00', NULL);


--
-- Data for Name: department; Type: TABLE DATA; Schema: clinic; Owner: -
--

INSERT INTO clinic.department OVERRIDING SYSTEM VALUE VALUES (1, 'Eyes', 'eyes', 0, 1440, '2026-01-05', '2026-01-05', 1, NULL);


--
-- Data for Name: doctor; Type: TABLE DATA; Schema: clinic; Owner: -
--

INSERT INTO clinic.doctor OVERRIDING SYSTEM VALUE VALUES (1, 1, 'Dr Who', 'R1', '2099-12-31', 20099, 30, false, '{}', 1, NULL);
INSERT INTO clinic.doctor OVERRIDING SYSTEM VALUE VALUES (2, 1, 'Dr Day', 'R2', '2099-12-31', 9250, 15, true, '{}', 2, NULL);


--
-- Data for Name: event_00000; Type: TABLE DATA; Schema: clinic; Owner: -
--

INSERT INTO clinic.event_00000 VALUES (1, 3, '2026-11-30 17:12:25.00958+00', NULL, 1, NULL, 'clinicd/create-admin', 'user', 1, '{"role": "ADMIN"}');
INSERT INTO clinic.event_00000 VALUES (2, 4, '2026-11-30 17:12:25.02363+00', NULL, 2, NULL, 'clinic.v1.UserService/CreateUser', 'user', 2, '{"created": true}');
INSERT INTO clinic.event_00000 VALUES (3, 5, '2026-11-30 17:12:25.024533+00', NULL, 3, NULL, 'clinic.v1.UserService/CreateUser', 'user', 3, '{"created": true}');
INSERT INTO clinic.event_00000 VALUES (4, 6, '2026-11-30 17:12:25.036009+00', 1, NULL, NULL, 'clinic.v1.DepartmentService/CreateDepartment', 'department', 1, '{"created": true}');
INSERT INTO clinic.event_00000 VALUES (5, 7, '2026-11-30 17:12:25.041505+00', 1, NULL, 1, 'clinic.v1.DoctorService/RegisterDoctor', 'doctor', 1, '{"created": true}');
INSERT INTO clinic.event_00000 VALUES (6, 8, '2026-11-30 17:12:25.051627+00', 1, NULL, 2, 'clinic.v1.DoctorService/RegisterDoctor', 'doctor', 2, '{"created": true}');
INSERT INTO clinic.event_00000 VALUES (7, 9, '2026-11-30 17:12:25.056123+00', 1, NULL, 2, 'clinic.v1.DoctorService/CreateTimeOff', 'time_off', 1, '{"end_time": "2098-03-08T00:00:00+00:00", "doctor_id": 2, "start_time": "2098-03-01T00:00:00+00:00"}');
INSERT INTO clinic.event_00000 VALUES (8, 10, '2026-11-30 17:12:25.071118+00', 2, 2, 1, 'clinic.v1.BookingService/BookAppointment', 'booking', 1, '{"status": "BOOKED", "user_id": 2, "end_time": "2098-02-01T00:30:00+00:00", "doctor_id": 1, "start_time": "2098-02-01T00:00:00+00:00"}');
INSERT INTO clinic.event_00000 VALUES (9, 10, '2026-11-30 17:12:25.071164+00', 2, 2, 1, 'clinic.v1.BookingService/BookAppointment', 'booking', 2, '{"status": "BOOKED", "user_id": 2, "end_time": "2098-02-02T00:30:00+00:00", "doctor_id": 1, "start_time": "2098-02-02T00:00:00+00:00"}');
INSERT INTO clinic.event_00000 VALUES (10, 10, '2026-11-30 17:12:25.071188+00', 2, 2, 1, 'clinic.v1.BookingService/BookAppointment', 'booking', 3, '{"status": "BOOKED", "user_id": 2, "end_time": "2098-02-03T00:30:00+00:00", "doctor_id": 1, "start_time": "2098-02-03T00:00:00+00:00"}');
INSERT INTO clinic.event_00000 VALUES (11, 10, '2026-11-30 17:12:25.071195+00', 3, 3, 1, 'clinic.v1.BookingService/BookAppointment', 'booking', 4, '{"status": "BOOKED", "user_id": 3, "end_time": "2098-02-04T00:30:00+00:00", "doctor_id": 1, "start_time": "2098-02-04T00:00:00+00:00"}');
INSERT INTO clinic.event_00000 VALUES (12, 10, '2026-11-30 17:12:25.071201+00', 3, 3, 2, 'clinic.v1.BookingService/BookAppointment', 'booking', 5, '{"status": "BOOKED", "user_id": 3, "end_time": "2098-02-05T00:15:00+00:00", "doctor_id": 2, "start_time": "2098-02-05T00:00:00+00:00"}');
INSERT INTO clinic.event_00000 VALUES (13, 11, '2026-11-30 17:12:25.084626+00', 2, 2, 1, 'clinic.v1.PaymentService/PayBooking', 'transaction', 1, '{"status": "PAID", "total_fee": 22109, "booking_id": 1}');
INSERT INTO clinic.event_00000 VALUES (14, 11, '2026-11-30 17:12:25.084669+00', 2, 2, 1, 'clinic.v1.PaymentService/PayBooking', 'transaction', 2, '{"status": "PAID", "total_fee": 22109, "booking_id": 2}');
INSERT INTO clinic.event_00000 VALUES (15, 11, '2026-11-30 17:12:25.084678+00', 2, 2, 1, 'clinic.v1.PaymentService/PayBooking', 'transaction', 3, '{"status": "PAID", "total_fee": 22109, "booking_id": 3}');
INSERT INTO clinic.event_00000 VALUES (16, 12, '2026-11-30 17:12:25.105176+00', 1, 2, 1, 'clinic.v1.PaymentService/RefundTransaction', 'transaction', 2, '{"from": "PAID", "status": "REFUNDED", "refunded": 22109, "booking_id": 2}');
INSERT INTO clinic.event_00000 VALUES (17, 13, '2026-11-30 17:12:25.11343+00', 1, 2, 1, 'clinic.v1.PaymentService/DeleteTransaction', 'transaction', 3, '{"from": "PAID", "hidden": true, "status": "VOIDED"}');
INSERT INTO clinic.event_00000 VALUES (18, 14, '2026-11-30 17:12:25.129513+00', 3, 3, 1, 'clinic.v1.BookingService/UpdateBookingStatus', 'booking', 4, '{"from": "BOOKED", "hidden": false, "status": "CANCELLED"}');
INSERT INTO clinic.event_00000 VALUES (19, 15, '2026-11-30 17:12:25.14112+00', 2, 2, 2, 'clinic.v1.BookingService/HoldSlot', 'booking', 6, '{"status": "HELD", "user_id": 2, "end_time": "2098-02-06T00:15:00+00:00", "doctor_id": 2, "start_time": "2098-02-06T00:00:00+00:00", "hold_expires_at": "2026-11-30T17:17:25.140394+00:00"}');


--
-- Data for Name: event_00001; Type: TABLE DATA; Schema: clinic; Owner: -
--



--
-- Data for Name: event_00002; Type: TABLE DATA; Schema: clinic; Owner: -
--



--
-- Data for Name: event_00003; Type: TABLE DATA; Schema: clinic; Owner: -
--



--
-- Data for Name: event_00004; Type: TABLE DATA; Schema: clinic; Owner: -
--



--
-- Data for Name: idempotency_key; Type: TABLE DATA; Schema: clinic; Owner: -
--

INSERT INTO clinic.idempotency_key VALUES (2, 'book 1', 'clinic.v1.BookingService/BookAppointment', '\x6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b', '{"id": 1, "status": "BOOKED", "user_id": 2, "version": 1, "end_time": "2098-02-01T00:30:00+00:00", "doctor_id": 1, "full_name": "Dr Who", "last_name": "Ient", "first_name": "Pat", "start_time": "2098-02-01T00:00:00+00:00", "department_id": 1, "stored_status": "BOOKED", "department_name": "Eyes", "hold_expires_at": null, "transaction_ids": [], "transaction_totals": [], "transaction_statuses": []}', '2026-11-30 17:12:25.066399+00');
INSERT INTO clinic.idempotency_key VALUES (3, 'book 5', 'clinic.v1.BookingService/BookAppointment', '\xef2d127de37b942baad06145e54b0c619a1f22327b2ebbcfbec78f5564afe39d', '{"id": 5, "status": "BOOKED", "user_id": 3, "version": 1, "end_time": "2098-02-05T00:15:00+00:00", "doctor_id": 2, "full_name": "Dr Day", "last_name": "Ple", "first_name": "Sam", "start_time": "2098-02-05T00:00:00+00:00", "department_id": 1, "stored_status": "BOOKED", "department_name": "Eyes", "hold_expires_at": null, "transaction_ids": [], "transaction_totals": [], "transaction_statuses": []}', '2026-11-30 17:12:25.066399+00');
INSERT INTO clinic.idempotency_key VALUES (2, 'pay 1', 'clinic.v1.PaymentService/PayBooking', '\x148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940', '{"id": 1, "fee": 20099, "gst": 2010, "status": "PAID", "user_id": 2, "version": 1, "total_fee": 22109, "booking_id": 1, "start_time": "2098-02-01T00:00:00+00:00", "booking_status": "CONFIRMED", "refunded_amount": 0}', '2026-11-30 17:12:25.074873+00');


--
-- Data for Name: ledger_entry; Type: TABLE DATA; Schema: clinic; Owner: -
--

INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (1, 1, 1, 'PAYMENT', 'clearing', 22109, '2026-11-30 17:12:25.074873+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (2, 1, 1, 'PAYMENT', 'revenue', -20099, '2026-11-30 17:12:25.074873+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (3, 1, 1, 'PAYMENT', 'gst_payable', -2010, '2026-11-30 17:12:25.074873+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (4, 2, 2, 'PAYMENT', 'clearing', 22109, '2026-11-30 17:12:25.074873+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (5, 2, 2, 'PAYMENT', 'revenue', -20099, '2026-11-30 17:12:25.074873+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (6, 2, 2, 'PAYMENT', 'gst_payable', -2010, '2026-11-30 17:12:25.074873+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (7, 3, 3, 'PAYMENT', 'clearing', 22109, '2026-11-30 17:12:25.074873+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (8, 3, 3, 'PAYMENT', 'revenue', -20099, '2026-11-30 17:12:25.074873+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (9, 3, 3, 'PAYMENT', 'gst_payable', -2010, '2026-11-30 17:12:25.074873+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (10, 4, 2, 'REFUND', 'clearing', -22109, '2026-11-30 17:12:25.102544+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (11, 4, 2, 'REFUND', 'revenue', 20099, '2026-11-30 17:12:25.102544+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (12, 4, 2, 'REFUND', 'gst_payable', 2010, '2026-11-30 17:12:25.102544+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (13, 5, 3, 'VOID', 'clearing', -22109, '2026-11-30 17:12:25.110601+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (14, 5, 3, 'VOID', 'revenue', 20099, '2026-11-30 17:12:25.110601+00');
INSERT INTO clinic.ledger_entry OVERRIDING SYSTEM VALUE VALUES (15, 5, 3, 'VOID', 'gst_payable', 2010, '2026-11-30 17:12:25.110601+00');


--
-- Data for Name: refresh_family; Type: TABLE DATA; Schema: clinic; Owner: -
--

INSERT INTO clinic.refresh_family VALUES ('\x01', 2, '\x02', 1, '2026-11-30 17:12:25.162527+00', '2026-11-30 17:12:25.162527+00', '2099-01-01 00:00:00+00');


--
-- Data for Name: schema_migration; Type: TABLE DATA; Schema: clinic; Owner: -
--

INSERT INTO clinic.schema_migration VALUES (1, 'baseline', '\x46fe153284c904720e53756b67350bba8b4573b15c027caf99d14bc9ba286a36', '2026-11-30 17:12:24.901798+00');


--
-- Data for Name: time_off; Type: TABLE DATA; Schema: clinic; Owner: -
--

INSERT INTO clinic.time_off OVERRIDING SYSTEM VALUE VALUES (1, 2, '2098-03-01 00:00:00+00', '2098-03-08 00:00:00+00', '2026-11-30 17:12:25.052324+00', NULL);


--
-- Data for Name: transaction; Type: TABLE DATA; Schema: clinic; Owner: -
--

INSERT INTO clinic.transaction VALUES (1, 1, 2, 20099, 2010, 22109, 0, 0, 'PAID', 1, '2026-11-30 17:12:25.074873+00', NULL);
INSERT INTO clinic.transaction VALUES (2, 2, 2, 20099, 2010, 22109, 22109, 2010, 'REFUNDED', 2, '2026-11-30 17:12:25.074873+00', NULL);
INSERT INTO clinic.transaction VALUES (3, 3, 2, 20099, 2010, 22109, 22109, 2010, 'VOIDED', 2, '2026-11-30 17:12:25.074873+00', '2026-11-30 17:12:25.113001+00');


--
-- Data for Name: user_account; Type: TABLE DATA; Schema: clinic; Owner: -
--

INSERT INTO clinic.user_account OVERRIDING SYSTEM VALUE VALUES (1, 'Ada', 'Min', '', 'admin@example.org', '$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e', 'ADMIN', 1, 1, NULL, '2026-11-30 17:12:25.002687+00', NULL);
INSERT INTO clinic.user_account OVERRIDING SYSTEM VALUE VALUES (2, 'Pat', 'Ient', '0400000000', 'patient@example.org', '$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e', 'PATIENT', 1, 1, NULL, '2026-11-30 17:12:25.022707+00', NULL);
INSERT INTO clinic.user_account OVERRIDING SYSTEM VALUE VALUES (3, 'Sam', 'Ple', '0400000001', 'sam@example.org', '$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e', 'PATIENT', 1, 1, NULL, '2026-11-30 17:12:25.024233+00', NULL);


--
-- Name: booking_id_seq; Type: SEQUENCE SET; Schema: clinic; Owner: -
--

SELECT pg_catalog.setval('clinic.booking_id_seq', 6, true);


--
-- Name: department_id_seq; Type: SEQUENCE SET; Schema: clinic; Owner: -
--

SELECT pg_catalog.setval('clinic.department_id_seq', 1, true);


--
-- Name: doctor_id_seq; Type: SEQUENCE SET; Schema: clinic; Owner: -
--

SELECT pg_catalog.setval('clinic.doctor_id_seq', 2, true);


--
-- Name: event_sequence; Type: SEQUENCE SET; Schema: clinic; Owner: -
--

SELECT pg_catalog.setval('clinic.event_sequence', 19, true);


--
-- Name: ledger_entry_id_seq; Type: SEQUENCE SET; Schema: clinic; Owner: -
--

SELECT pg_catalog.setval('clinic.ledger_entry_id_seq', 15, true);


--
-- Name: ledger_journal; Type: SEQUENCE SET; Schema: clinic; Owner: -
--

SELECT pg_catalog.setval('clinic.ledger_journal', 5, true);


--
-- Name: time_off_id_seq; Type: SEQUENCE SET; Schema: clinic; Owner: -
--

SELECT pg_catalog.setval('clinic.time_off_id_seq', 1, true);


--
-- Name: transaction_id_seq; Type: SEQUENCE SET; Schema: clinic; Owner: -
--

SELECT pg_catalog.setval('clinic.transaction_id_seq', 3, true);


--
-- Name: user_account_id_seq; Type: SEQUENCE SET; Schema: clinic; Owner: -
--

SELECT pg_catalog.setval('clinic.user_account_id_seq', 3, true);


--
-- Name: booking booking_doctor_busy; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.booking
    ADD CONSTRAINT booking_doctor_busy EXCLUDE USING gist (doctor_id WITH =, occupied WITH &&, session_id WITH <>) WHERE (clinic.occupies_time(status));


--
-- Name: booking booking_patient_busy; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.booking
    ADD CONSTRAINT booking_patient_busy EXCLUDE USING gist (user_id WITH =, period WITH &&) WHERE (clinic.occupies_time(status));


--
-- Name: booking booking_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.booking
    ADD CONSTRAINT booking_pkey PRIMARY KEY (id);


--
-- Name: department department_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.department
    ADD CONSTRAINT department_pkey PRIMARY KEY (id);


--
-- Name: doctor doctor_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.doctor
    ADD CONSTRAINT doctor_pkey PRIMARY KEY (id);


--
-- Name: event event_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.event
    ADD CONSTRAINT event_pkey PRIMARY KEY (sequence);


--
-- Name: event_00000 event_00000_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.event_00000
    ADD CONSTRAINT event_00000_pkey PRIMARY KEY (sequence);


--
-- Name: event_00001 event_00001_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.event_00001
    ADD CONSTRAINT event_00001_pkey PRIMARY KEY (sequence);


--
-- Name: event_00002 event_00002_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.event_00002
    ADD CONSTRAINT event_00002_pkey PRIMARY KEY (sequence);


--
-- Name: event_00003 event_00003_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.event_00003
    ADD CONSTRAINT event_00003_pkey PRIMARY KEY (sequence);


--
-- Name: event_00004 event_00004_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.event_00004
    ADD CONSTRAINT event_00004_pkey PRIMARY KEY (sequence);


--
-- Name: idempotency_key idempotency_key_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.idempotency_key
    ADD CONSTRAINT idempotency_key_pkey PRIMARY KEY (user_id, key);


--
-- Name: ledger_entry ledger_entry_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.ledger_entry
    ADD CONSTRAINT ledger_entry_pkey PRIMARY KEY (id);


--
-- Name: refresh_family refresh_family_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.refresh_family
    ADD CONSTRAINT refresh_family_pkey PRIMARY KEY (family);


--
-- Name: schema_migration schema_migration_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.schema_migration
    ADD CONSTRAINT schema_migration_pkey PRIMARY KEY (version);


--
-- Name: time_off time_off_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.time_off
    ADD CONSTRAINT time_off_pkey PRIMARY KEY (id);


--
-- Name: transaction transaction_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.transaction
    ADD CONSTRAINT transaction_pkey PRIMARY KEY (id);


--
-- Name: user_account user_account_email; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.user_account
    ADD CONSTRAINT user_account_email UNIQUE (email);


--
-- Name: user_account user_account_pkey; Type: CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.user_account
    ADD CONSTRAINT user_account_pkey PRIMARY KEY (id);


--
-- Name: booking_by_start; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX booking_by_start ON clinic.booking USING btree (start_time, id) WHERE (hidden_at IS NULL);


--
-- Name: booking_calendar; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX booking_calendar ON clinic.booking USING btree (doctor_id, start_time) INCLUDE (end_time, status, hold_expires_at) WHERE (clinic.occupies_time(status) AND (hidden_at IS NULL));


--
-- Name: booking_held; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX booking_held ON clinic.booking USING btree (user_id, hold_expires_at) WHERE (status = 'HELD'::text);


--
-- Name: booking_of_doctor; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX booking_of_doctor ON clinic.booking USING btree (doctor_id, start_time, id) WHERE (hidden_at IS NULL);


--
-- Name: booking_of_status; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX booking_of_status ON clinic.booking USING btree (status, start_time, id) WHERE (hidden_at IS NULL);


--
-- Name: booking_of_user; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX booking_of_user ON clinic.booking USING btree (user_id, start_time, id);


--
-- Name: booking_report; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX booking_report ON clinic.booking USING brin (start_time);


--
-- Name: department_live_name; Type: INDEX; Schema: clinic; Owner: -
--

CREATE UNIQUE INDEX department_live_name ON clinic.department USING btree (name_key) WHERE (deleted_at IS NULL);


--
-- Name: doctor_live_registration; Type: INDEX; Schema: clinic; Owner: -
--

CREATE UNIQUE INDEX doctor_live_registration ON clinic.doctor USING btree (registration_number) WHERE (deleted_at IS NULL);


--
-- Name: doctor_of_department; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX doctor_of_department ON clinic.doctor USING btree (department_id, id) WHERE (deleted_at IS NULL);


--
-- Name: event_of_actor; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_of_actor ON ONLY clinic.event USING btree (actor_id, transaction_number, sequence);


--
-- Name: event_00000_actor_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00000_actor_id_transaction_number_sequence_idx ON clinic.event_00000 USING btree (actor_id, transaction_number, sequence);


--
-- Name: event_of_doctor; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_of_doctor ON ONLY clinic.event USING btree (doctor_id, transaction_number, sequence) WHERE (doctor_id IS NOT NULL);


--
-- Name: event_00000_doctor_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00000_doctor_id_transaction_number_sequence_idx ON clinic.event_00000 USING btree (doctor_id, transaction_number, sequence) WHERE (doctor_id IS NOT NULL);


--
-- Name: event_of_entity; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_of_entity ON ONLY clinic.event USING btree (entity, entity_id, transaction_number, sequence);


--
-- Name: event_00000_entity_entity_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00000_entity_entity_id_transaction_number_sequence_idx ON clinic.event_00000 USING btree (entity, entity_id, transaction_number, sequence);


--
-- Name: event_by_time; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_by_time ON ONLY clinic.event USING brin (occurred_at);


--
-- Name: event_00000_occurred_at_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00000_occurred_at_idx ON clinic.event_00000 USING brin (occurred_at);


--
-- Name: event_by_position; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_by_position ON ONLY clinic.event USING btree (transaction_number, sequence);


--
-- Name: event_00000_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00000_transaction_number_sequence_idx ON clinic.event_00000 USING btree (transaction_number, sequence);


--
-- Name: event_of_user; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_of_user ON ONLY clinic.event USING btree (user_id, transaction_number, sequence) WHERE (user_id IS NOT NULL);


--
-- Name: event_00000_user_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00000_user_id_transaction_number_sequence_idx ON clinic.event_00000 USING btree (user_id, transaction_number, sequence) WHERE (user_id IS NOT NULL);


--
-- Name: event_00001_actor_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00001_actor_id_transaction_number_sequence_idx ON clinic.event_00001 USING btree (actor_id, transaction_number, sequence);


--
-- Name: event_00001_doctor_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00001_doctor_id_transaction_number_sequence_idx ON clinic.event_00001 USING btree (doctor_id, transaction_number, sequence) WHERE (doctor_id IS NOT NULL);


--
-- Name: event_00001_entity_entity_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00001_entity_entity_id_transaction_number_sequence_idx ON clinic.event_00001 USING btree (entity, entity_id, transaction_number, sequence);


--
-- Name: event_00001_occurred_at_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00001_occurred_at_idx ON clinic.event_00001 USING brin (occurred_at);


--
-- Name: event_00001_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00001_transaction_number_sequence_idx ON clinic.event_00001 USING btree (transaction_number, sequence);


--
-- Name: event_00001_user_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00001_user_id_transaction_number_sequence_idx ON clinic.event_00001 USING btree (user_id, transaction_number, sequence) WHERE (user_id IS NOT NULL);


--
-- Name: event_00002_actor_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00002_actor_id_transaction_number_sequence_idx ON clinic.event_00002 USING btree (actor_id, transaction_number, sequence);


--
-- Name: event_00002_doctor_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00002_doctor_id_transaction_number_sequence_idx ON clinic.event_00002 USING btree (doctor_id, transaction_number, sequence) WHERE (doctor_id IS NOT NULL);


--
-- Name: event_00002_entity_entity_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00002_entity_entity_id_transaction_number_sequence_idx ON clinic.event_00002 USING btree (entity, entity_id, transaction_number, sequence);


--
-- Name: event_00002_occurred_at_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00002_occurred_at_idx ON clinic.event_00002 USING brin (occurred_at);


--
-- Name: event_00002_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00002_transaction_number_sequence_idx ON clinic.event_00002 USING btree (transaction_number, sequence);


--
-- Name: event_00002_user_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00002_user_id_transaction_number_sequence_idx ON clinic.event_00002 USING btree (user_id, transaction_number, sequence) WHERE (user_id IS NOT NULL);


--
-- Name: event_00003_actor_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00003_actor_id_transaction_number_sequence_idx ON clinic.event_00003 USING btree (actor_id, transaction_number, sequence);


--
-- Name: event_00003_doctor_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00003_doctor_id_transaction_number_sequence_idx ON clinic.event_00003 USING btree (doctor_id, transaction_number, sequence) WHERE (doctor_id IS NOT NULL);


--
-- Name: event_00003_entity_entity_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00003_entity_entity_id_transaction_number_sequence_idx ON clinic.event_00003 USING btree (entity, entity_id, transaction_number, sequence);


--
-- Name: event_00003_occurred_at_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00003_occurred_at_idx ON clinic.event_00003 USING brin (occurred_at);


--
-- Name: event_00003_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00003_transaction_number_sequence_idx ON clinic.event_00003 USING btree (transaction_number, sequence);


--
-- Name: event_00003_user_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00003_user_id_transaction_number_sequence_idx ON clinic.event_00003 USING btree (user_id, transaction_number, sequence) WHERE (user_id IS NOT NULL);


--
-- Name: event_00004_actor_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00004_actor_id_transaction_number_sequence_idx ON clinic.event_00004 USING btree (actor_id, transaction_number, sequence);


--
-- Name: event_00004_doctor_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00004_doctor_id_transaction_number_sequence_idx ON clinic.event_00004 USING btree (doctor_id, transaction_number, sequence) WHERE (doctor_id IS NOT NULL);


--
-- Name: event_00004_entity_entity_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00004_entity_entity_id_transaction_number_sequence_idx ON clinic.event_00004 USING btree (entity, entity_id, transaction_number, sequence);


--
-- Name: event_00004_occurred_at_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00004_occurred_at_idx ON clinic.event_00004 USING brin (occurred_at);


--
-- Name: event_00004_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00004_transaction_number_sequence_idx ON clinic.event_00004 USING btree (transaction_number, sequence);


--
-- Name: event_00004_user_id_transaction_number_sequence_idx; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX event_00004_user_id_transaction_number_sequence_idx ON clinic.event_00004 USING btree (user_id, transaction_number, sequence) WHERE (user_id IS NOT NULL);


--
-- Name: idempotency_key_by_age; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX idempotency_key_by_age ON clinic.idempotency_key USING btree (created_at);


--
-- Name: ledger_entry_by_time; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX ledger_entry_by_time ON clinic.ledger_entry USING brin (created_at);


--
-- Name: ledger_entry_of_journal; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX ledger_entry_of_journal ON clinic.ledger_entry USING btree (journal);


--
-- Name: ledger_entry_of_transaction; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX ledger_entry_of_transaction ON clinic.ledger_entry USING btree (transaction_id);


--
-- Name: refresh_family_of_user; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX refresh_family_of_user ON clinic.refresh_family USING btree (user_id, refreshed_at);


--
-- Name: time_off_by_start; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX time_off_by_start ON clinic.time_off USING btree (start_time, id) WHERE (deleted_at IS NULL);


--
-- Name: time_off_of_doctor; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX time_off_of_doctor ON clinic.time_off USING btree (doctor_id, start_time, id) WHERE (deleted_at IS NULL);


--
-- Name: transaction_of_booking; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX transaction_of_booking ON clinic.transaction USING btree (booking_id);


--
-- Name: transaction_of_status; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX transaction_of_status ON clinic.transaction USING btree (status, id) WHERE (hidden_at IS NULL);


--
-- Name: transaction_of_user; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX transaction_of_user ON clinic.transaction USING btree (user_id, id) WHERE (hidden_at IS NULL);


--
-- Name: transaction_one_live; Type: INDEX; Schema: clinic; Owner: -
--

CREATE UNIQUE INDEX transaction_one_live ON clinic.transaction USING btree (booking_id) WHERE clinic.is_live_payment(status);


--
-- Name: user_account_by_access_change; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX user_account_by_access_change ON clinic.user_account USING btree (access_changed_by) WHERE (access_changed_by IS NOT NULL);


--
-- Name: user_account_of_role; Type: INDEX; Schema: clinic; Owner: -
--

CREATE INDEX user_account_of_role ON clinic.user_account USING btree (role, id);


--
-- Name: event_00000_actor_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_actor ATTACH PARTITION clinic.event_00000_actor_id_transaction_number_sequence_idx;


--
-- Name: event_00000_doctor_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_doctor ATTACH PARTITION clinic.event_00000_doctor_id_transaction_number_sequence_idx;


--
-- Name: event_00000_entity_entity_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_entity ATTACH PARTITION clinic.event_00000_entity_entity_id_transaction_number_sequence_idx;


--
-- Name: event_00000_occurred_at_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_by_time ATTACH PARTITION clinic.event_00000_occurred_at_idx;


--
-- Name: event_00000_pkey; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_pkey ATTACH PARTITION clinic.event_00000_pkey;


--
-- Name: event_00000_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_by_position ATTACH PARTITION clinic.event_00000_transaction_number_sequence_idx;


--
-- Name: event_00000_user_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_user ATTACH PARTITION clinic.event_00000_user_id_transaction_number_sequence_idx;


--
-- Name: event_00001_actor_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_actor ATTACH PARTITION clinic.event_00001_actor_id_transaction_number_sequence_idx;


--
-- Name: event_00001_doctor_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_doctor ATTACH PARTITION clinic.event_00001_doctor_id_transaction_number_sequence_idx;


--
-- Name: event_00001_entity_entity_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_entity ATTACH PARTITION clinic.event_00001_entity_entity_id_transaction_number_sequence_idx;


--
-- Name: event_00001_occurred_at_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_by_time ATTACH PARTITION clinic.event_00001_occurred_at_idx;


--
-- Name: event_00001_pkey; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_pkey ATTACH PARTITION clinic.event_00001_pkey;


--
-- Name: event_00001_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_by_position ATTACH PARTITION clinic.event_00001_transaction_number_sequence_idx;


--
-- Name: event_00001_user_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_user ATTACH PARTITION clinic.event_00001_user_id_transaction_number_sequence_idx;


--
-- Name: event_00002_actor_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_actor ATTACH PARTITION clinic.event_00002_actor_id_transaction_number_sequence_idx;


--
-- Name: event_00002_doctor_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_doctor ATTACH PARTITION clinic.event_00002_doctor_id_transaction_number_sequence_idx;


--
-- Name: event_00002_entity_entity_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_entity ATTACH PARTITION clinic.event_00002_entity_entity_id_transaction_number_sequence_idx;


--
-- Name: event_00002_occurred_at_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_by_time ATTACH PARTITION clinic.event_00002_occurred_at_idx;


--
-- Name: event_00002_pkey; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_pkey ATTACH PARTITION clinic.event_00002_pkey;


--
-- Name: event_00002_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_by_position ATTACH PARTITION clinic.event_00002_transaction_number_sequence_idx;


--
-- Name: event_00002_user_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_user ATTACH PARTITION clinic.event_00002_user_id_transaction_number_sequence_idx;


--
-- Name: event_00003_actor_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_actor ATTACH PARTITION clinic.event_00003_actor_id_transaction_number_sequence_idx;


--
-- Name: event_00003_doctor_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_doctor ATTACH PARTITION clinic.event_00003_doctor_id_transaction_number_sequence_idx;


--
-- Name: event_00003_entity_entity_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_entity ATTACH PARTITION clinic.event_00003_entity_entity_id_transaction_number_sequence_idx;


--
-- Name: event_00003_occurred_at_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_by_time ATTACH PARTITION clinic.event_00003_occurred_at_idx;


--
-- Name: event_00003_pkey; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_pkey ATTACH PARTITION clinic.event_00003_pkey;


--
-- Name: event_00003_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_by_position ATTACH PARTITION clinic.event_00003_transaction_number_sequence_idx;


--
-- Name: event_00003_user_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_user ATTACH PARTITION clinic.event_00003_user_id_transaction_number_sequence_idx;


--
-- Name: event_00004_actor_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_actor ATTACH PARTITION clinic.event_00004_actor_id_transaction_number_sequence_idx;


--
-- Name: event_00004_doctor_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_doctor ATTACH PARTITION clinic.event_00004_doctor_id_transaction_number_sequence_idx;


--
-- Name: event_00004_entity_entity_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_entity ATTACH PARTITION clinic.event_00004_entity_entity_id_transaction_number_sequence_idx;


--
-- Name: event_00004_occurred_at_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_by_time ATTACH PARTITION clinic.event_00004_occurred_at_idx;


--
-- Name: event_00004_pkey; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_pkey ATTACH PARTITION clinic.event_00004_pkey;


--
-- Name: event_00004_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_by_position ATTACH PARTITION clinic.event_00004_transaction_number_sequence_idx;


--
-- Name: event_00004_user_id_transaction_number_sequence_idx; Type: INDEX ATTACH; Schema: clinic; Owner: -
--

ALTER INDEX clinic.event_of_user ATTACH PARTITION clinic.event_00004_user_id_transaction_number_sequence_idx;


--
-- Name: department department_change; Type: TRIGGER; Schema: clinic; Owner: -
--

CREATE TRIGGER department_change AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON clinic.department FOR EACH STATEMENT EXECUTE FUNCTION clinic.notify_directory_change();


--
-- Name: doctor doctor_change; Type: TRIGGER; Schema: clinic; Owner: -
--

CREATE TRIGGER doctor_change AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON clinic.doctor FOR EACH STATEMENT EXECUTE FUNCTION clinic.notify_directory_change();


--
-- Name: ledger_entry ledger_entry_balances; Type: TRIGGER; Schema: clinic; Owner: -
--

CREATE TRIGGER ledger_entry_balances AFTER INSERT ON clinic.ledger_entry REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION clinic.check_journal_balances();


--
-- Name: time_off time_off_change; Type: TRIGGER; Schema: clinic; Owner: -
--

CREATE TRIGGER time_off_change AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON clinic.time_off FOR EACH STATEMENT EXECUTE FUNCTION clinic.notify_directory_change();


--
-- Name: user_account user_account_access_change; Type: TRIGGER; Schema: clinic; Owner: -
--

CREATE TRIGGER user_account_access_change BEFORE UPDATE ON clinic.user_account FOR EACH ROW WHEN (((old.role IS DISTINCT FROM new.role) OR (old.token_version IS DISTINCT FROM new.token_version) OR (old.erased_at IS DISTINCT FROM new.erased_at))) EXECUTE FUNCTION clinic.stamp_access_change();


--
-- Name: booking booking_doctor_id_fkey; Type: FK CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.booking
    ADD CONSTRAINT booking_doctor_id_fkey FOREIGN KEY (doctor_id) REFERENCES clinic.doctor(id) ON DELETE RESTRICT;


--
-- Name: booking booking_user_id_fkey; Type: FK CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.booking
    ADD CONSTRAINT booking_user_id_fkey FOREIGN KEY (user_id) REFERENCES clinic.user_account(id) ON DELETE RESTRICT;


--
-- Name: doctor doctor_department_id_fkey; Type: FK CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.doctor
    ADD CONSTRAINT doctor_department_id_fkey FOREIGN KEY (department_id) REFERENCES clinic.department(id) ON DELETE RESTRICT;


--
-- Name: ledger_entry ledger_entry_transaction_id_fkey; Type: FK CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.ledger_entry
    ADD CONSTRAINT ledger_entry_transaction_id_fkey FOREIGN KEY (transaction_id) REFERENCES clinic.transaction(id) ON DELETE RESTRICT;


--
-- Name: refresh_family refresh_family_user_id_fkey; Type: FK CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.refresh_family
    ADD CONSTRAINT refresh_family_user_id_fkey FOREIGN KEY (user_id) REFERENCES clinic.user_account(id) ON DELETE RESTRICT;


--
-- Name: time_off time_off_doctor_id_fkey; Type: FK CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.time_off
    ADD CONSTRAINT time_off_doctor_id_fkey FOREIGN KEY (doctor_id) REFERENCES clinic.doctor(id) ON DELETE RESTRICT;


--
-- Name: transaction transaction_booking_id_fkey; Type: FK CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.transaction
    ADD CONSTRAINT transaction_booking_id_fkey FOREIGN KEY (booking_id) REFERENCES clinic.booking(id) ON DELETE RESTRICT;


--
-- Name: transaction transaction_user_id_fkey; Type: FK CONSTRAINT; Schema: clinic; Owner: -
--

ALTER TABLE ONLY clinic.transaction
    ADD CONSTRAINT transaction_user_id_fkey FOREIGN KEY (user_id) REFERENCES clinic.user_account(id) ON DELETE RESTRICT;


--
-- PostgreSQL database dump complete
--


REVOKE UPDATE, DELETE, TRUNCATE ON clinic.event FROM current_user;
REVOKE UPDATE, DELETE, TRUNCATE ON clinic.event_00000 FROM current_user;
REVOKE UPDATE, DELETE, TRUNCATE ON clinic.event_00001 FROM current_user;
REVOKE UPDATE, DELETE, TRUNCATE ON clinic.event_00002 FROM current_user;
REVOKE UPDATE, DELETE, TRUNCATE ON clinic.event_00003 FROM current_user;
REVOKE UPDATE, DELETE, TRUNCATE ON clinic.event_00004 FROM current_user;
REVOKE UPDATE, DELETE, TRUNCATE ON clinic.ledger_entry FROM current_user;
