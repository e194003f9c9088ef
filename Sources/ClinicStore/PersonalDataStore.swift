// Everything held about one person, in one statement and so of one moment. Its parts have nothing in common but whom
// they are about: each row is the name of a part, its numbers and its texts.
public import PostgreSQL
public import Scheduling

/// Everything held about a person; what is hidden elsewhere included, digests left out.
public struct PersonalData: Sendable {
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
    }

    /// The account.
    public let account: Account
    /// The appointments, by id.
    public private(set) var visits: [Visit] = []
    /// The payments, by id.
    public private(set) var payments: [Payment] = []
    /// Where the person is signed in, the oldest first.
    public private(set) var sessions: [Session] = []
    /// What was changed, the oldest first.
    public private(set) var events: [Event] = []

    /// Nil without an account among the rows.
    fileprivate init?(reading rows: Rows) throws {
        var account: Account?
        for row in rows {
            var row = row
            let part = try row.text()
            var cells = Cells(numbers: try row.int64Array()[...], texts: try row.textArray()[...])
            switch part {
            case "1 account": account = try Account(&cells)
            case "2 booking": visits.append(try Visit(&cells))
            case "3 transaction": payments.append(try Payment(&cells))
            case "4 session": sessions.append(try Session(&cells))
            case "5 event": events.append(try Event(&cells))
            default: throw StoreError.unknownValue
            }
        }
        guard let account else { return nil }
        self.account = account
    }
}

/// Reads everything held about a person.
public struct PersonalDataStore: Sendable {
    private let database: Database

    /// People of this database.
    public init(database: Database) { self.database = database }

    private static let everything = Statement(
        """
        with person as materialized (
            select * from clinic.user_account
            where id = $1 and ($2::bigint is null or id = $2) and erased_at is null
        ), visit as materialized (
            select booking.* from clinic.booking join person on person.id = booking.user_id
        ), payment as materialized (
            select transaction.* from clinic.transaction join person on person.id = transaction.user_id
        ), about as (
            select 'user' as entity, id from person
            union all select 'booking', id from visit
            union all select 'transaction', id from payment
        )
        select '1 account', array[id, version, microseconds(created_at)],
            array[first_name, last_name, phone, email, role]
        from person
        union all
        select '2 booking',
            array[visit.id, visit.version, microseconds(start_time), microseconds(end_time), doctor.id,
                department.id],
            array[status, full_name, department.name]
        from visit
        join clinic.doctor on doctor.id = visit.doctor_id
        join clinic.department on department.id = doctor.department_id
        union all
        select '3 transaction', array[id, version, booking_id, fee, gst, total_fee, refunded_amount], array[status]
        from payment
        union all
        select '4 session',
            array[microseconds(refresh_family.created_at), microseconds(refreshed_at),
                microseconds(expires_at)],
            '{}'::text[]
        from clinic.refresh_family join person on person.id = refresh_family.user_id and ended_at is null
        union all
        select '5 event',
            array[sequence, microseconds(occurred_at), entity_id,
                (actor_id is not distinct from person.id)::int],
            array[event.entity, method, change::text]
        from person, about
        join clinic.event on event.entity = about.entity and event.entity_id = about.id
        order by 1, 2
        """)

    /// Everything held about a user. Refused with `userNotFound`.
    ///
    /// - Parameter ownerID: who it must be; nil for administrators.
    public func everything(about userID: Int64, ownerID: Int64?) async throws -> PersonalData {
        let rows = try await database.read(Self.everything, [.int64(userID), .int64(ownerID)])
        guard let data = try PersonalData(reading: rows) else { throw Refusal(.userNotFound) }
        return data
    }
}

/// The numbers and texts of a row, taken in the order they were put in.
private struct Cells {
    var numbers: ArraySlice<Int64>
    var texts: ArraySlice<String>

    mutating func number() throws -> Int64 {
        guard let number = numbers.popFirst() else { throw StoreError.unknownValue }
        return number
    }

    mutating func instant() throws -> Instant { Instant(microsecondsSinceEpoch: try number()) }

    mutating func text() throws -> String {
        guard let text = texts.popFirst() else { throw StoreError.unknownValue }
        return text
    }

    mutating func value<Value: RawRepresentable<String>>(_: Value.Type) throws -> Value {
        guard let value = Value(rawValue: try text()) else { throw StoreError.unknownValue }
        return value
    }
}

extension PersonalData.Account {
    fileprivate init(_ cells: inout Cells) throws {
        id = try cells.number()
        version = try cells.number()
        createdAt = try cells.instant()
        firstName = try cells.text()
        lastName = try cells.text()
        phone = try cells.text()
        email = try cells.text()
        role = try cells.value(Role.self)
    }
}

extension PersonalData.Visit {
    fileprivate init(_ cells: inout Cells) throws {
        id = try cells.number()
        version = try cells.number()
        start = try cells.instant()
        end = try cells.instant()
        doctorID = try cells.number()
        departmentID = try cells.number()
        status = try cells.value(BookingStatus.self)
        doctorName = try cells.text()
        departmentName = try cells.text()
    }
}

extension PersonalData.Payment {
    fileprivate init(_ cells: inout Cells) throws {
        id = try cells.number()
        version = try cells.number()
        bookingID = try cells.number()
        fee = try cells.number()
        gst = try cells.number()
        total = try cells.number()
        refunded = try cells.number()
        status = try cells.value(TransactionStatus.self)
    }
}

extension PersonalData.Session {
    fileprivate init(_ cells: inout Cells) throws {
        createdAt = try cells.instant()
        refreshedAt = try cells.instant()
        expiresAt = try cells.instant()
    }
}

extension PersonalData.Event {
    fileprivate init(_ cells: inout Cells) throws {
        // The sequence number is for the order only.
        _ = try cells.number()
        occurredAt = try cells.instant()
        entityID = try cells.number()
        isByUser = try cells.number() != 0
        entity = try cells.text()
        method = try cells.text()
        change = try cells.text()
    }
}
