// The rows of the views as values. Each record declares the columns that it reads, in their order.
internal import PostgreSQL
public import Scheduling

/// What a user may do; the raw value is the text in the database.
public enum Role: String, Sendable, Hashable, CaseIterable {
    /// Books and pays for himself or herself.
    case patient = "PATIENT"
    /// Works at the clinic.
    case staff = "STAFF"
    /// Manages departments, doctors and money.
    case admin = "ADMIN"
}

/// A person who can sign in.
public struct UserRecord: Record {
    /// The user's number.
    public let id: Int64
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
    /// Grows by one with every change.
    public let version: Int64

    static let columns = ["id", "first_name", "last_name", "phone", "email", "role", "version"]

    init(reading row: inout Row) throws {
        id = try row.int64()
        firstName = try row.text()
        lastName = try row.text()
        phone = try row.text()
        email = try row.text()
        role = try row.value(Role.self)
        version = try row.int64()
    }
}

/// A user's or doctor's or department's number and name, as other records carry it.
public struct NamedRecord: Sendable, Hashable {
    /// Its number.
    public let id: Int64
    /// Its name.
    public let name: String

    init(id: Int64, name: String) {
        self.id = id
        self.name = name
    }

    init(reading row: inout Row) throws {
        self.init(id: try row.int64(), name: try row.text())
    }
}

/// A live department.
public struct DepartmentRecord: Record {
    /// The department's number.
    public let id: Int64
    /// Its name.
    public let name: String
    /// When it is open.
    public let hours: OpeningHours
    /// The day it was made, in the clinic's zone.
    public let createdDate: CivilDate
    /// The day of its last change, in the clinic's zone.
    public let lastUpdate: CivilDate
    /// Grows by one with every change.
    public let version: Int64

    static let columns = ["id", "name", "opens", "closes", "created_date", "last_update", "version"]

    init(reading row: inout Row) throws {
        id = try row.int64()
        name = try row.text()
        hours = try row.openingHours()
        createdDate = try row.civilDate()
        lastUpdate = try row.civilDate()
        version = try row.int64()
    }
}

/// A live doctor.
public struct DoctorRecord: Record {
    /// The doctor's number.
    public let id: Int64
    /// The name to print.
    public let fullName: String
    /// Unique among live doctors.
    public let registrationNumber: String
    /// The last valid day.
    public let registrationExpiry: CivilDate
    /// Minor units, without GST.
    public let fee: Int64
    /// 5 to 240.
    public let slotMinutes: Int64
    /// No GST is charged.
    public let isGSTFree: Bool
    /// Grows by one with every change.
    public let version: Int64
    /// Where the doctor works.
    public let department: NamedRecord
    /// When the doctor works.
    public let weeklyHours: WeeklyHours

    static let columns = [
        "id", "full_name", "registration_number", "registration_expiry", "fee", "slot_minutes", "gst_free",
        "version", "department_id", "department_name", "weekly_hours",
    ]

    init(reading row: inout Row) throws {
        id = try row.int64()
        fullName = try row.text()
        registrationNumber = try row.text()
        registrationExpiry = try row.civilDate()
        fee = try row.int64()
        slotMinutes = try row.int64()
        isGSTFree = try row.bool()
        version = try row.int64()
        department = try NamedRecord(reading: &row)
        weeklyHours = try row.weeklyHours()
    }
}

/// An appointment that is not hidden.
public struct BookingRecord: Record {
    /// The booking's number.
    public let id: Int64
    /// When it starts.
    public let start: Instant
    /// When it ends.
    public let end: Instant
    /// Where it stands.
    public let status: BookingStatus
    /// Grows by one with every change.
    public let version: Int64
    /// The patient's number.
    public let userID: Int64
    /// The patient's given name.
    public let firstName: String
    /// The patient's family name.
    public let lastName: String
    /// The doctor.
    public let doctor: NamedRecord
    /// Where the doctor works.
    public let department: NamedRecord
    /// Its payments, oldest first.
    public let transactions: [TransactionBrief]
    /// When it runs out, or ran out, if it is a hold.
    public let holdExpiry: Instant?
    /// What it costs; nil in a response that an older version has stored.
    public let price: BookingPrice?
    /// Until when leaving it refunds it in full; nil for a booking that an older version has made.
    public let refundUntil: Instant?

    static let columns = [
        "id", "start_time", "end_time", "status", "version", "user_id", "first_name", "last_name",
        "doctor_id", "full_name", "department_id", "department_name", "transaction_ids", "transaction_totals",
        "transaction_statuses", "hold_expires_at", "fee", "gst", "refund_until",
    ]

    init(reading row: inout Row) throws {
        id = try row.int64()
        start = try row.instant()
        end = try row.instant()
        status = try row.value(BookingStatus.self)
        version = try row.int64()
        userID = try row.int64()
        firstName = try row.text()
        lastName = try row.text()
        doctor = try NamedRecord(reading: &row)
        department = try NamedRecord(reading: &row)
        let (ids, totals, statuses) = (try row.int64Array(), try row.int64Array(), try row.textArray())
        guard ids.count == totals.count, ids.count == statuses.count else { throw StoreError.unknownValue }
        transactions = try ids.indices.map { index in
            guard let status = TransactionStatus(rawValue: statuses[index]) else {
                throw StoreError.unknownValue
            }
            return TransactionBrief(id: ids[index], total: totals[index], status: status)
        }
        holdExpiry = try row.optionalTimestamp().map { Instant(microsecondsSinceEpoch: $0) }
        let (fee, gst) = (try row.optionalInt64(), try row.optionalInt64())
        price = if let fee, let gst { BookingPrice(fee: fee, gst: gst) } else { nil }
        refundUntil = try row.optionalTimestamp().map { Instant(microsecondsSinceEpoch: $0) }
    }
}

/// What was cancelled with a doctor, a department or a user, or would be.
public struct CancellationsRecord: Record {
    /// How many bookings.
    public let bookings: Int64
    /// What was refunded with them, in minor units.
    public let refunded: Int64

    static let columns = ["bookings", "refunded"]

    init(reading row: inout Row) throws {
        // A response that an older version has stored says nothing.
        bookings = try row.optionalInt64() ?? 0
        refunded = try row.optionalInt64() ?? 0
    }
}

/// The price of a booking in minor units, as it was when the booking was made.
public struct BookingPrice: Sendable, Hashable {
    /// Without tax.
    public let fee: Int64
    /// The tax.
    public let gst: Int64
}

/// A transaction as a booking carries it.
public struct TransactionBrief: Sendable, Hashable {
    /// The transaction's number.
    public let id: Int64
    /// Minor units, with GST.
    public let total: Int64
    /// Where it stands.
    public let status: TransactionStatus
}

/// A payment that is not hidden.
public struct TransactionRecord: Record {
    /// The transaction's number.
    public let id: Int64
    /// Fee and tax in minor units.
    public let fee: Int64
    /// The tax in minor units.
    public let gst: Int64
    /// Their sum.
    public let total: Int64
    /// What was given back so far, GST included.
    public let refunded: Int64
    /// Where it stands.
    public let status: TransactionStatus
    /// Grows by one with every change.
    public let version: Int64
    /// What was paid for.
    public let bookingID: Int64
    /// When that starts.
    public let bookingStart: Instant
    /// Where that stands.
    public let bookingStatus: BookingStatus
    /// Whose it is.
    public let userID: Int64

    static let columns = [
        "id", "fee", "gst", "total_fee", "refunded_amount", "status", "version", "booking_id", "start_time",
        "booking_status", "user_id",
    ]

    init(reading row: inout Row) throws {
        id = try row.int64()
        fee = try row.int64()
        gst = try row.int64()
        total = try row.int64()
        refunded = try row.int64()
        status = try row.value(TransactionStatus.self)
        version = try row.int64()
        bookingID = try row.int64()
        bookingStart = try row.instant()
        bookingStatus = try row.value(BookingStatus.self)
        userID = try row.int64()
    }
}

extension Row {
    /// A text column that holds one of an enumeration's raw values.
    mutating func value<Value: RawRepresentable<String>>(_: Value.Type) throws -> Value {
        guard let value = Value(rawValue: try text()) else { throw StoreError.unknownValue }
        return value
    }

    /// A timestamptz column.
    mutating func instant() throws -> Instant { Instant(microsecondsSinceEpoch: try timestamp()) }

    /// A date column.
    mutating func civilDate() throws -> CivilDate {
        guard let date = CivilDate(daysSinceEpoch: Int64(try date())) else { throw StoreError.unknownValue }
        return date
    }

    /// A column of minutes of the week; NULL in an answer that was kept before there were any.
    mutating func weeklyHours() throws -> WeeklyHours {
        guard let hours = WeeklyHours(minutesOfWeek: try optionalInt64Array() ?? []) else {
            throw StoreError.unknownValue
        }
        return hours
    }

    /// A column of times, a start and an end in turn.
    mutating func periods() throws -> [Range<Instant>] {
        let bounds = try timestampArray()
        return try stride(from: 0, to: bounds.count, by: 2).map { index in
            guard index + 1 < bounds.count else { throw StoreError.unknownValue }
            return try Self.period(bounds[index], bounds[index + 1])
        }
    }

    /// Two columns of times, the starts and the ends.
    mutating func startsAndEnds() throws -> [Range<Instant>] {
        let (starts, ends) = (try timestampArray(), try timestampArray())
        guard starts.count == ends.count else { throw StoreError.unknownValue }
        return try zip(starts, ends).map { try Self.period($0, $1) }
    }

    private static func period(_ start: Int64, _ end: Int64) throws -> Range<Instant> {
        guard start <= end else { throw StoreError.unknownValue }
        return Instant(microsecondsSinceEpoch: start)..<Instant(microsecondsSinceEpoch: end)
    }

    /// Two columns of minutes since midnight.
    mutating func openingHours() throws -> OpeningHours {
        guard let opens = MinuteOfDay(minutes: try int64()), let closes = MinuteOfDay(minutes: try int64()),
            let hours = OpeningHours(opens: opens, closes: closes)
        else { throw StoreError.unknownValue }
        return hours
    }
}

extension SQLValue {
    static func instant(_ instant: Instant?) -> SQLValue { .timestamp(instant?.microsecondsSinceEpoch) }
    static func civilDate(_ date: CivilDate) -> SQLValue { .date(Int(date.daysSinceEpoch)) }
    static func minutes(_ minute: MinuteOfDay) -> SQLValue { .int64(Int64(minute.minutes)) }
    static func statuses(_ statuses: [BookingStatus]) -> SQLValue { .textArray(statuses.map(\.rawValue)) }

    /// The texts of a filter `isOneOf`, in one order, so that callers who want the same are read as a set.
    static func oneOf(_ texts: [String]) -> SQLValue { .text(texts.sorted().joined(separator: ",")) }
}
