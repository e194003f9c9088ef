// Doctors' time off in the database.
public import PostgreSQL
public import Scheduling

/// A time in which a live doctor sees nobody.
public struct TimeOffRecord: Record {
    /// The time off's number.
    public let id: Int64
    /// Whose it is.
    public let doctor: NamedRecord
    /// Where the doctor works.
    public let department: NamedRecord
    /// When it begins.
    public let start: Instant
    /// When it is over.
    public let end: Instant
    /// How many bookings still stand in it.
    public let displacedBookingCount: Int64

    static let columns = [
        "id", "doctor_id", "full_name", "department_id", "department_name", "start_time", "end_time",
        "displaced_booking_count",
    ]

    init(reading row: inout Row) throws {
        id = try row.int64()
        doctor = try NamedRecord(reading: &row)
        department = try NamedRecord(reading: &row)
        start = try row.instant()
        end = try row.instant()
        displacedBookingCount = try row.int64()
    }
}

/// Reads and changes time off.
public struct TimeOffStore: Sendable {
    private let database: Database

    /// Time off of this database.
    public init(database: Database) { self.database = database }

    /// How long a time off may be, in days on the clinic's clock.
    public static let maximumDays: Int64 = 366
    /// The same for SQL, where no clock is known: a day more than its hours, by which a clock may go back.
    static let maximumLength = "interval '8808 hours'"

    private static let create = Mutation<TimeOffRecord>("create_time_off", parameterCount: 3)
    private static let delete = Mutation<TimeOffRecord>("delete_time_off", parameterCount: 1)
    private static let all = Listing<TimeOffRecord>(
        "time_off_view", filters: ["doctor_id = ?", "end_time > ?"], order: ["start_time", "id"])

    /// Makes a time off; the doctor has a new version by it. Refused with `doctorNotFound`.
    public func create(doctorID: Int64, period: Range<Instant>, context: RequestContext) async throws
        -> TimeOffRecord
    {
        try await Self.create.run(
            on: database, context,
            [.int64(doctorID), .instant(period.lowerBound), .instant(period.upperBound)])
    }

    /// Ends a time off; the doctor has a new version by it. Refused with `timeOffNotFound`.
    public func delete(_ id: Int64, context: RequestContext) async throws {
        _ = try await Self.delete.run(on: database, context, [.int64(id)])
    }

    /// Time off by start; every filter that is nil is left out.
    public func list(
        doctorID: Int64?, endAfter: Instant?, after cursor: (start: Instant, id: Int64)?, limit: Int64,
        for context: RequestContext?
    ) async throws -> [TimeOffRecord] {
        try await Self.all.page(
            from: database, filters: [doctorID.map { .int64($0) }, endAfter.map { .instant($0) }],
            after: cursor.map { [.instant($0.start), .int64($0.id)] }, limit: limit
        ).answer(for: context)
    }
}
