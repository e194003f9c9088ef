// Everything held about one person, in pages: what a person leaves behind in years has no bound, and what one statement
// brings into memory has one. Each page is read where the last one ended, by the index of the person.
public import PostgreSQL
public import Scheduling

/// The parts of what is held about a person; what is hidden elsewhere included, digests left out.
public enum PersonalData {
    /// The account.
    public struct Account: Sendable {
        /// The user's number.
        public let id: Int64
        /// Grows by one with every change.
        public let version: Int64
        /// When it was made.
        public let createdAt: Instant
        /// Given name.
        public let firstName: String
        /// Family name.
        public let lastName: String
        /// E.164, digits or empty.
        public let phone: String
        /// Trimmed, lower case, unique.
        public let email: String
        /// What the user may do.
        public let role: Role
    }

    /// An appointment.
    public struct Visit: Sendable {
        /// The booking's number.
        public let id: Int64
        /// Grows by one with every change.
        public let version: Int64
        /// When it starts.
        public let start: Instant
        /// When it ends.
        public let end: Instant
        /// The doctor's number.
        public let doctorID: Int64
        /// The number of the doctor's department.
        public let departmentID: Int64
        /// Where it stands.
        public let status: BookingStatus
        /// The doctor's name.
        public let doctorName: String
        /// The department's name.
        public let departmentName: String
        /// When it runs out, or ran out, if it is a hold.
        public let holdExpiry: Instant?
        /// What it costs.
        public let price: BookingPrice
        /// Until when leaving it refunds it in full; nil for a booking that an older version has made.
        public let refundUntil: Instant?
    }

    /// A payment.
    public struct Payment: Sendable {
        /// The transaction's number.
        public let id: Int64
        /// Grows by one with every change.
        public let version: Int64
        /// What was paid for.
        public let bookingID: Int64
        /// The fee in minor units.
        public let fee: Int64
        /// The tax in minor units.
        public let gst: Int64
        /// Their sum.
        public let total: Int64
        /// What was given back so far, GST included.
        public let refunded: Int64
        /// Where it stands.
        public let status: TransactionStatus
    }

    /// A place where the person is signed in.
    public struct Session: Sendable {
        /// When the password was given.
        public let createdAt: Instant
        /// When its tokens were last renewed.
        public let refreshedAt: Instant
        /// When it ends unless they are.
        public let expiresAt: Instant
    }

    /// A change of any of that.
    public struct Event: Sendable {
        /// When it was made.
        public let occurredAt: Instant
        /// The number of what was changed.
        public let entityID: Int64
        /// Whether the person made it.
        public let isByUser: Bool
        /// What was changed: user, booking, transaction.
        public let entity: String
        /// By which method.
        public let method: String
        /// How, as JSON.
        public let change: String
        /// Its place in the order.
        public let position: EventPosition
    }
}

/// Reads everything held about a person.
public struct PersonalDataStore: Sendable {
    private let database: Database

    /// People of this database.
    public init(database: Database) { self.database = database }

    private static let account = Statement(
        """
        select id, version, created_at, first_name, last_name, phone, email, role
        from clinic.user_account
        where id = $1 and ($2::bigint is null or id = $2) and erased_at is null
        """)

    /// The account of a user. Refused with `userNotFound`.
    ///
    /// - Parameter ownerID: who it must be; nil for administrators.
    public func account(
        of userID: Int64, ownerID: Int64?, for context: RequestContext
    ) async throws -> PersonalData.Account {
        let rows = try await database.read(Self.account, [.int64(userID), .int64(ownerID)], for: context)
        guard var row = rows.first else { throw Refusal(.userNotFound, id: userID) }
        return try PersonalData.Account(reading: &row)
    }

    private static let sessions = Statement(
        """
        select created_at, refreshed_at, expires_at from clinic.refresh_family
        where user_id = $1 and ended_at is null order by created_at limit 100
        """)

    /// Where a user is signed in, the oldest first; there are at most 50.
    public func sessions(
        of userID: Int64, for context: RequestContext
    ) async throws -> [PersonalData.Session] {
        try await read(Self.sessions, [.int64(userID)], context) { row in
            try PersonalData.Session(reading: &row)
        }
    }

    private static let visits = Statement(
        """
        select booking.id, booking.version, start_time, end_time, doctor.id, department.id,
            status_now(status, hold_expires_at), full_name, department.name,
            case when status in ('HELD', 'EXPIRED') then hold_expires_at end, booking.fee, booking.gst, refund_until
        from clinic.booking
        join clinic.doctor on doctor.id = booking.doctor_id
        join clinic.department on department.id = doctor.department_id
        where booking.user_id = $1 and (start_time, booking.id) > ($2, $3)
        order by start_time, booking.id limit $4
        """)

    /// The first `limit` appointments of a user after one, or from the first one on, by start.
    public func visits(
        of userID: Int64, after visit: PersonalData.Visit?, limit: Int64, for context: RequestContext
    ) async throws -> [PersonalData.Visit] {
        let start = visit?.start ?? Instant(secondsSinceEpoch: -62_135_596_800)
        return try await read(
            Self.visits, [.int64(userID), .instant(start), .int64(visit?.id ?? 0), .int64(limit)], context
        ) { row in try PersonalData.Visit(reading: &row) }
    }

    private static let payments = Statement(
        """
        select id, version, booking_id, fee, gst, total_fee, refunded_amount, status from clinic.transaction
        where booking_id = any ($1) order by booking_id, id
        """)

    /// The payments for these appointments.
    public func payments(
        for visits: [PersonalData.Visit], _ context: RequestContext
    ) async throws -> [PersonalData.Payment] {
        try await read(Self.payments, [.int64Array(visits.map(\.id))], context) { row in
            try PersonalData.Payment(reading: &row)
        }
    }

    private static let events = Statement(
        """
        select occurred_at, entity_id, actor_id is not distinct from user_id, entity, method, change,
            transaction_number, sequence
        from clinic.event
        where user_id = $1 and (transaction_number, sequence) > ($2, $3)
        order by transaction_number, sequence limit $4
        """)

    /// The first `limit` changes that concern a user after one, or from the first one on, the oldest first.
    public func events(
        of userID: Int64, after event: PersonalData.Event?, limit: Int64, for context: RequestContext
    ) async throws -> [PersonalData.Event] {
        let position = event?.position ?? EventPosition(transactionNumber: 0, sequence: 0)
        return try await read(
            Self.events,
            [
                .int64(userID), .int64(position.transactionNumber), .int64(position.sequence), .int64(limit),
            ], context
        ) { row in try PersonalData.Event(reading: &row) }
    }

    private func read<Part>(
        _ statement: Statement, _ parameters: [SQLValue], _ context: RequestContext,
        _ part: (inout Row) throws -> Part
    ) async throws -> [Part] {
        // A page takes as long as some small statements.
        try await database.read(statement, parameters, for: context, cost: 16).map { row in
            var row = row
            return try part(&row)
        }
    }
}

extension PersonalData.Account {
    fileprivate init(reading row: inout Row) throws {
        id = try row.int64()
        version = try row.int64()
        createdAt = try row.instant()
        firstName = try row.text()
        lastName = try row.text()
        phone = try row.text()
        email = try row.text()
        role = try row.value(Role.self)
    }
}

extension PersonalData.Visit {
    fileprivate init(reading row: inout Row) throws {
        id = try row.int64()
        version = try row.int64()
        start = try row.instant()
        end = try row.instant()
        doctorID = try row.int64()
        departmentID = try row.int64()
        status = try row.value(BookingStatus.self)
        doctorName = try row.text()
        departmentName = try row.text()
        holdExpiry = try row.optionalTimestamp().map { Instant(microsecondsSinceEpoch: $0) }
        price = BookingPrice(fee: try row.int64(), gst: try row.int64())
        refundUntil = try row.optionalTimestamp().map { Instant(microsecondsSinceEpoch: $0) }
    }
}

extension PersonalData.Payment {
    fileprivate init(reading row: inout Row) throws {
        id = try row.int64()
        version = try row.int64()
        bookingID = try row.int64()
        fee = try row.int64()
        gst = try row.int64()
        total = try row.int64()
        refunded = try row.int64()
        status = try row.value(TransactionStatus.self)
    }
}

extension PersonalData.Session {
    fileprivate init(reading row: inout Row) throws {
        createdAt = try row.instant()
        refreshedAt = try row.instant()
        expiresAt = try row.instant()
    }
}

extension PersonalData.Event {
    fileprivate init(reading row: inout Row) throws {
        occurredAt = try row.instant()
        entityID = try row.int64()
        isByUser = try row.bool()
        entity = try row.text()
        method = try row.text()
        change = try row.text()
        position = EventPosition(transactionNumber: try row.int64(), sequence: try row.int64())
    }
}
