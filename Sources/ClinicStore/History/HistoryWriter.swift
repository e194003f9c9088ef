// Writes a history: one transaction, rows in sets, so that weeks of a clinic take seconds.

internal import PostgreSQL
internal import Scheduling

/// Why a history was not written; nothing of it was.
public enum HistoryRefusal: Error, Sendable, Hashable {
    /// The database has departments already.
    case notEmpty
    /// The users have numbers of their own, and the database has users already.
    case usersExist
    /// Somebody has signed up with this e-mail of one of the patients.
    case emailTaken(String)
}

extension ClinicHistory {
    /// Writes all of it into a database without departments, or nothing: whoever ends the process in between finds the
    /// database as it was. Two at once come one after the other. Throws `HistoryRefusal` or a `DatabaseError`.
    ///
    /// - Parameters:
    ///   - url: a database that has been migrated.
    ///   - isTrial: whether it is only tried: all of it is written and undone.
    ///   - progress: how many of the bookings are written.
    public func write(
        to url: String, isTrial: Bool = false, progress: @escaping @Sendable (Int) -> Void
    ) async throws {
        let refusal = try await AdminConnection.withConnection(url: url) { connection in
            var refusal: HistoryRefusal?
            try connection.transaction { () throws(DatabaseError) in
                refusal = try refused(connection)
                if refusal == nil { try HistoryWriter(self, connection).write(progress: progress) }
                if isTrial { try connection.execute("rollback; begin") }
            }
            if refusal == nil, !isTrial { try connection.execute("analyze") }
            return refusal
        }
        if let refusal { throw refusal }
    }

    /// Why it may not be written; departments cannot be made any more until the end of the transaction.
    private func refused(_ connection: AdminConnection) throws(DatabaseError) -> HistoryRefusal? {
        try connection.execute("lock table clinic.department in share row exclusive mode")
        if try !connection.query("select 1 from clinic.department limit 1").isEmpty { return .notEmpty }
        if patients.contains(where: { $0.id != nil }),
            try !connection.query("select 1 from clinic.user_account limit 1").isEmpty
        {
            return .usersExist
        }
        let known = try connection.query(
            "select email from clinic.user_account where email = any ($1) order by email limit 1",
            [.textArray(patients.map(\.draft.email))])
        guard var row = known.first else { return nil }
        return .emailTaken(try row.text())
    }
}

private struct HistoryWriter {
    /// How many rows one statement carries.
    private static let chunk = 1_000

    private let history: ClinicHistory
    private let connection: AdminConnection
    private let numbers: HistoryNumbers
    private let paid: [Int]
    private let journals: [PastJournal]
    /// The transactions' numbers by the places of their bookings.
    private let transactionOf: [Int: Int64]

    init(_ history: ClinicHistory, _ connection: AdminConnection) throws(DatabaseError) {
        self.history = history
        self.connection = connection
        paid = history.paidBookings
        journals = history.journals
        func unnumbered(_ count: Int) -> [Int64?] { Array(repeating: nil, count: count) }
        numbers = HistoryNumbers(
            departments: try connection.numbers(history.departments.map(\.id), "department_id_seq"),
            doctors: try connection.numbers(history.doctors.map(\.id), "doctor_id_seq"),
            patients: try connection.numbers(history.patients.map(\.id), "user_account_id_seq"),
            timeOff: try connection.numbers(
                unnumbered(history.doctors.reduce(0) { $0 + $1.timeOff.count }), "time_off_id_seq"),
            bookings: try connection.numbers(history.bookings.map(\.id), "booking_id_seq"),
            transactions: try connection.numbers(
                paid.map { history.bookings[$0].transactionID }, "transaction_id_seq"),
            journals: try connection.numbers(unnumbered(journals.count), "ledger_journal"))
        transactionOf = Dictionary(zip(paid, numbers.transactions)) { $1 }
    }

    func write(progress: (Int) -> Void) throws(DatabaseError) {
        try writeDepartments()
        try writeDoctors()
        for chunk in chunks(of: history.patients.count) { try writePatients(chunk) }
        for start in stride(from: 0, to: history.bookings.count, by: Self.chunk) {
            let end = min(start + Self.chunk, history.bookings.count)
            try writeBookings(start..<end)
            progress(end)
        }
        for chunk in chunks(of: paid.count) { try writeTransactions(chunk) }
        for chunk in chunks(of: journals.count) { try writeJournals(chunk) }
        let events = history.events(numbers, transactionOf: transactionOf)
        for chunk in chunks(of: events.count) { try writeEvents(events[chunk]) }
    }

    private func chunks(of count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: Self.chunk).map { $0..<min($0 + Self.chunk, count) }
    }

    private func writeDepartments() throws(DatabaseError) {
        for (department, id) in zip(history.departments, numbers.departments) {
            let draft = department.draft
            _ = try connection.query(
                """
                insert into clinic.department (id, name, name_key, opens, closes, created_date, last_update)
                overriding system value values ($1, $2, $3, $4, $5, $6, $7)
                """,
                [
                    .int64(id), .text(draft.name), .text(draft.nameKey), .minutes(draft.hours.opens),
                    .minutes(draft.hours.closes), .civilDate(department.day),
                    .civilDate(department.updatedOn),
                ])
        }
    }

    /// A doctor's week and each time off made another version of the doctor.
    private func writeDoctors() throws(DatabaseError) {
        var timeOff = numbers.timeOff.makeIterator()
        for (doctor, id) in zip(history.doctors, numbers.doctors) {
            let draft = doctor.draft
            let changes = doctor.timeOff.count + (doctor.weeklyHours.entries.isEmpty ? 0 : 1)
            _ = try connection.query(
                """
                insert into clinic.doctor (id, department_id, full_name, registration_number, registration_expiry, fee,
                    slot_minutes, gst_free, weekly_hours, version)
                overriding system value values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                """,
                [
                    .int64(id), .int64(numbers.departments[Int(draft.departmentID)]), .text(draft.fullName),
                    .text(draft.registrationNumber), .civilDate(draft.registrationExpiry), .int64(draft.fee),
                    .int64(draft.slotMinutes), .bool(draft.isGSTFree),
                    .int64Array(doctor.weeklyHours.minutesOfWeek), .int64(Int64(1 + changes)),
                ])
            for period in doctor.timeOff {
                _ = try connection.query(
                    """
                    insert into clinic.time_off (id, doctor_id, start_time, end_time, created_at)
                    overriding system value values ($1, $2, $3, $4, $5)
                    """,
                    [
                        .int64(timeOff.next()), .int64(id), .instant(period.lowerBound),
                        .instant(period.upperBound), .instant(doctor.at),
                    ])
            }
        }
    }

    private func writePatients(_ range: Range<Int>) throws(DatabaseError) {
        let patients = history.patients[range]
        let drafts = patients.map(\.draft)
        _ = try connection.query(
            """
            insert into clinic.user_account (id, first_name, last_name, phone, email, password_hash, role, created_at)
            overriding system value
            select id, first_name, last_name, phone, email, password_hash, role, to_timestamp(at)
            from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])
                as patient (id, first_name, last_name, phone, email, password_hash, role, at)
            """,
            [
                .int64Array(Array(numbers.patients[range])), .textArray(drafts.map { $0.firstName ?? "" }),
                .textArray(drafts.map { $0.lastName ?? "" }), .textArray(drafts.map(\.phone)),
                .textArray(drafts.map(\.email)), .textArray(drafts.map(\.passwordHash)),
                .textArray(patients.map(\.role.rawValue)), .seconds(patients.map(\.at)),
            ])
    }

    private func writeBookings(_ range: Range<Int>) throws(DatabaseError) {
        let bookings = history.bookings[range]
        _ = try connection.query(
            """
            insert into clinic.booking (id, session_id, doctor_id, user_id, start_time, end_time, occupied, status, fee, gst,
                version, created_at, refund_until, completed_at)
            select id, id, doctor, patient, to_timestamp(starts), to_timestamp(ends),
                tstzrange(to_timestamp(starts), to_timestamp(ends)), status, fee, gst, version, to_timestamp(at),
                to_timestamp(refund_until), to_timestamp(nullif(completed, 0))
            from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[],
                    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
                as booking (id, doctor, patient, starts, ends, status, fee, gst, version, at, refund_until, completed)
            """,
            [
                .int64Array(Array(numbers.bookings[range])),
                .int64Array(bookings.map { numbers.doctors[$0.doctor] }),
                .int64Array(bookings.map { numbers.patients[$0.patient] }),
                .seconds(bookings.map(\.slot.start)), .seconds(bookings.map(\.slot.end)),
                .textArray(bookings.map(\.status.rawValue)), .int64Array(bookings.map(\.price.fee)),
                .int64Array(bookings.map(\.price.gst)), .int64Array(bookings.map(\.version)),
                .seconds(bookings.map(\.bookedAt)), .seconds(bookings.map(\.refundUntil)),
                .int64Array(bookings.map { $0.completedAt?.secondsSinceEpoch ?? 0 }),
            ])
    }

    private func writeTransactions(_ range: Range<Int>) throws(DatabaseError) {
        let places = paid[range]
        let bookings = places.map { history.bookings[$0] }
        let payments = bookings.map { $0.payment ?? PastBooking.Payment() }
        _ = try connection.query(
            """
            insert into clinic.transaction (id, booking_id, user_id, fee, gst, total_fee, refunded_amount, refunded_gst,
                status, version, created_at)
            select id, booking, patient, fee, gst, fee + gst, refunded_fee + refunded_gst, refunded_gst, status, version,
                to_timestamp(at)
            from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                    $8::text[], $9::bigint[], $10::bigint[])
                as payment (id, booking, patient, fee, gst, refunded_fee, refunded_gst, status, version, at)
            """,
            [
                .int64Array(Array(numbers.transactions[range])),
                .int64Array(places.map { numbers.bookings[$0] }),
                .int64Array(bookings.map { numbers.patients[$0.patient] }),
                .int64Array(bookings.map(\.price.fee)), .int64Array(bookings.map(\.price.gst)),
                .int64Array(payments.map(\.refundedFee)), .int64Array(payments.map(\.refundedGST)),
                .textArray(payments.map(\.status.rawValue)), .int64Array(payments.map(\.version)),
                .seconds(bookings.map { $0.paidAt ?? $0.bookedAt }),
            ])
    }

    private func writeJournals(_ range: Range<Int>) throws(DatabaseError) {
        let journals = journals[range]
        _ = try connection.query(
            """
            insert into clinic.ledger_entry (journal, transaction_id, kind, account, amount, created_at)
            select journal.number, transaction, kind, entry.account, entry.amount, to_timestamp(at)
            from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
                    with ordinality as journal (number, transaction, kind, fee, gst, at, place),
                lateral (values ('clearing', fee + gst), ('revenue', -fee), ('gst_payable', -gst))
                    as entry (account, amount)
            where entry.amount <> 0
            order by place
            """,
            [
                .int64Array(Array(numbers.journals[range])),
                .int64Array(journals.map { transactionOf[$0.booking] ?? 0 }),
                .textArray(journals.map(\.kind)),
                .int64Array(journals.map(\.fee)), .int64Array(journals.map(\.gst)),
                .seconds(journals.map(\.at)),
            ])
    }

    private func writeEvents(_ events: ArraySlice<PastEvent>) throws(DatabaseError) {
        _ = try connection.query(
            """
            insert into clinic.event (occurred_at, user_id, doctor_id, method, entity, entity_id, change)
            select to_timestamp(at), case entity when 'user' then entity_id else booking.user_id end,
                case entity when 'doctor' then entity_id else coalesce(booking.doctor_id, time_off.doctor_id) end,
                $5, entity, entity_id, change::jsonb
            from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[])
                with ordinality as event (at, entity, entity_id, change, place)
            left join clinic.transaction on entity = 'transaction' and transaction.id = entity_id
            left join clinic.booking
                on booking.id = case entity when 'booking' then entity_id else transaction.booking_id end
            left join clinic.time_off on entity = 'time_off' and time_off.id = entity_id
            order by place
            """,
            [
                .seconds(events.map(\.at)), .textArray(events.map(\.entity)),
                .int64Array(events.map(\.entityID)), .textArray(events.map(\.change)), .text(history.method),
            ])
    }
}

extension AdminConnection {
    /// The numbers that are given, and the next of a sequence for nil. Numbers that the sequence gives out later are above
    /// all of them.
    fileprivate func numbers(_ given: [Int64?], _ sequence: String) throws(DatabaseError) -> [Int64] {
        let name = SQLValue.text("clinic.\(sequence)")
        if let highest = given.compactMap(\.self).max() {
            _ = try query("select setval($1::text::regclass, $2)", [name, .int64(highest)])
        }
        let rows = try query(
            "select nextval($1::text::regclass) from generate_series(1, $2)",
            [name, .int64(Int64(given.count { $0 == nil }))])
        var next = rows.makeIterator()
        var numbers: [Int64] = []
        for number in given {
            if let number {
                numbers.append(number)
            } else if var row = next.next() {
                numbers.append(try row.int64())
            }
        }
        return numbers
    }
}

extension SQLValue {
    /// Moments as whole seconds.
    fileprivate static func seconds(_ moments: [Instant]) -> SQLValue {
        .int64Array(moments.map(\.secondsSinceEpoch))
    }
}
