// Calls read as many rows in a clinic that has filled up as in a small one, though their statements were first planned when it
// was empty and autovacuum is off.

import ClinicMessages
import ClinicService
import PostgreSQL
import RPCMessages
import TestCluster
import TestWaiting
import Testing

@Suite struct PlanTests {
    /// People and doctors with so many bookings, paid, with their events and keys. Ten bookings for each patient, a hundred for
    /// each doctor.
    private static func growth(_ bookings: Int) -> String {
        """
        with department as (
            insert into clinic.department (name, name_key, opens, closes, created_date, last_update)
            values ('Past', 'past', 0, 1440, '2020-01-01', '2020-01-01') returning id
        )
        insert into clinic.doctor (department_id, full_name, registration_number, registration_expiry, fee, slot_minutes,
            gst_free)
        select id, 'Dr Past', 'past ' || number, '2099-12-31', 20000, 30, false
        from department, generate_series(0, \(bookings / 100 - 1)) as number;
        insert into clinic.user_account (first_name, last_name, phone, email, password_hash)
        select 'Pat', 'Past', '', 'past' || number || '@example.org', ''
        from generate_series(0, \(bookings / 10 - 1)) as number;
        insert into clinic.booking (doctor_id, user_id, start_time, end_time, occupied, status, fee, gst)
        select doctor.id, patient.id, start_time, start_time + interval '30 minutes',
            tstzrange(start_time, start_time + interval '30 minutes'), 'CONFIRMED', 20000, 2000
        from generate_series(0, \(bookings - 1)) as number
        join (select id, row_number() over (order by id) - 1 as place from clinic.doctor where full_name = 'Dr Past')
            as doctor on doctor.place = number / 100
        join (select id, row_number() over (order by id) - 1 as place from clinic.user_account where last_name = 'Past')
            as patient on patient.place = number / 10
        cross join lateral (select timestamptz '2020-01-01' + number % 100 * interval '1 hour' as start_time) as start;
        insert into clinic.transaction (booking_id, user_id, fee, gst, total_fee, status)
        select id, user_id, fee, gst, fee + gst, 'PAID' from clinic.booking where status = 'CONFIRMED' and fee = 20000;
        insert into clinic.ledger_entry (journal, transaction_id, kind, account, amount)
        select 1000000 + id, id, 'PAYMENT', account, case account
            when 'clearing' then 22000 when 'revenue' then -20000 else -2000 end
        from (select id from clinic.transaction where fee = 20000 order by id) as paid,
            unnest(array['clearing', 'revenue', 'gst_payable']) as account;
        insert into clinic.event (actor_id, user_id, doctor_id, method, entity, entity_id, change)
        select user_id, user_id, doctor_id, 'clinic.v1.BookingService/BookAppointment', 'booking', id, '{}'
        from clinic.booking where fee = 20000;
        insert into clinic.idempotency_key (user_id, key, method, request_digest, response)
        select user_id, 'past ' || id, 'm', ''::bytea, '{}' from clinic.booking where fee = 20000;
        \(TestClinic.sealWithoutReading)
        """
    }

    /// How many rows and index entries all connections have read in the tables of the clinic, as far as they have reported it.
    private static let rowsRead = """
        select (select coalesce(sum(seq_tup_read), 0) from pg_stat_user_tables where schemaname = 'clinic')
            + (select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes where schemaname = 'clinic')
        """

    private func number(_ sql: String, _ url: String) async throws -> Int64 {
        try await AdminConnection.withConnection(url: url) { connection in
            var row = try connection.query("select (\(sql))::bigint")[0]
            return try row.int64()
        }
    }

    /// Every statement that a caller of these waits for, over connections that planned most of them when the clinic was empty.
    private func calls(
        _ clinic: TestClinic, _ administrator: Session, _ doctor: Doctor, _ patient: Session, round: Int
    ) async throws {
        let days = Int64(2 + round)
        let booking = try await patient.book(
            doctor, at: clinic.dateTime(daysAhead: days), key: "book \(round)")
        let hold = try await patient.hold(
            doctor, at: clinic.dateTime(daysAhead: days, hour: 12), key: "hold \(round)")
        let paid = try await patient.pay(booking)
        _ = try await patient.get(booking)
        try await patient.reschedule(booking, to: clinic.dateTime(daysAhead: days, hour: 15))
        try await patient.confirm(hold)
        try await patient.cancel(hold)
        _ = try await patient.call(BookingServiceMethods.listMyBookings, ListMyBookingsRequest())
        _ = try await patient.call(PaymentServiceMethods.listTransactions, ListTransactionsRequest())
        _ = try await patient.call(
            PaymentServiceMethods.getReceipt, GetReceiptRequest(transactionID: paid.id))
        _ = try await patient.search(doctor, day: clinic.day())
        _ = try await administrator.call(
            BookingServiceMethods.listBookings, ListBookingsRequest(doctorID: doctor.id))
        _ = try await administrator.call(
            BookingServiceMethods.listBookings, ListBookingsRequest(pageSize: 5, statuses: [.held]))
        _ = try await administrator.call(
            UserServiceMethods.listUsers, ListUsersRequest(email: "past1@example.org"))
        _ = try await administrator.call(UserServiceMethods.listUsers, ListUsersRequest(role: .admin))
        _ = try await administrator.call(
            AdminServiceMethods.listAuditEvents, ListAuditEventsRequest(actorID: patient.userID))
        _ = try await administrator.call(
            PaymentServiceMethods.refundTransaction, RefundTransactionRequest(transactionID: paid.id))
    }

    /// What the calls read in a clinic that has grown to so many bookings since its connections planned their statements.
    private func rowsRead(after bookings: Int) async throws -> Int64 {
        let url = try await TestCluster.makeDatabase()
        var before: Int64 = 0
        try await withClinic(databaseURL: url) { clinic in
            try await AdminConnection.withConnection(url: url) { connection in
                try connection.execute(
                    """
                    do $$ begin
                        execute (
                            select string_agg(format('alter table clinic.%I set (autovacuum_enabled = off)', relname), ';')
                            from pg_class where relnamespace = 'clinic'::regnamespace and relkind = 'r');
                    end $$
                    """)
            }
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            for round in 0..<3 { try await calls(clinic, administrator, doctor, patient, round: round) }
            let script = Self.growth(bookings)
            try await AdminConnection.withConnection(url: url) { try $0.execute(script) }
            try await eventually("the statistics are those of the grown tables") {
                try await clinic.count(
                    """
                    select count(*) from pg_class where relnamespace = 'clinic'::regnamespace and relkind = 'r'
                        and (pg_relation_size(oid) / 8192 > 2 * relpages
                            or pg_stat_get_mod_since_analyze(oid) > greatest(reltuples, 200))
                    """) == 0
            }
            before = try await number(Self.rowsRead, url)
            for round in 3..<9 { try await calls(clinic, administrator, doctor, patient, round: round) }
        }
        // The connections have reported all they read, since they have ended with the clinic.
        return try await number(Self.rowsRead, url) - before
    }

    @Test func `calls read no more rows of a full clinic than of a small one, with autovacuum off`()
        async throws
    {
        let (small, full) = (try await rowsRead(after: 1_000), try await rowsRead(after: 40_000))
        #expect(small > 0)
        // The directory cache reads all doctors once. One statement that looked at all bookings would read 240,000 rows.
        #expect(full < small + 10_000, "\(small) rows of a thousand bookings, \(full) of forty thousand")
    }
}
