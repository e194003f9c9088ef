// Bookings in the database.
public import PostgreSQL
public import Scheduling

/// Reads and changes bookings.
public struct BookingStore: Sendable {
    private let database: Database

    /// Bookings of this database.
    public init(database: Database) { self.database = database }

    private static let book = Mutation<BookingRecord>("book_appointment", parameterCount: 8)
    private static let updateStatus = Mutation<BookingRecord>("update_booking_status", parameterCount: 9)

    /// Books a slot decided on by these terms, at this price.
    ///
    /// Refused with `staleVersion` when the terms have changed, `userNotFound`, `slotTaken`, `patientBusy`.
    public func book(
        _ slot: AppointmentSlot, doctorID: Int64, terms: DoctorStore.Terms, price: Price, userID: Int64,
        origin: Origin
    ) async throws -> BookingRecord {
        try await Self.book.run(
            on: database, origin,
            [
                .int64(userID), .int64(doctorID), .int64(terms.doctorVersion),
                .int64(terms.departmentVersion),
                .instant(slot.start), .instant(slot.end), .int64(price.fee), .int64(price.gst),
            ])
    }

    /// Moves a booking to another status under these conditions, and hides it if wanted.
    ///
    /// Refused with `bookingNotFound`, `staleEtag`, `invalidTransition`, `alreadyStarted`, `notStarted`.
    /// - Parameters:
    ///   - ownerID: whose it must be; nil for the staff.
    ///   - version: at which version it must be; nil for whichever.
    public func updateStatus(
        _ id: Int64, ownerID: Int64?, version: Int64?, conditions: StatusChangeConditions,
        hiding: Bool = false,
        origin: Origin
    ) async throws -> BookingRecord {
        try await Self.updateStatus.run(
            on: database, origin,
            [
                .int64(id), .int64(ownerID), .int64(version), .text(conditions.target.rawValue),
                .statuses(conditions.sources), .instant(conditions.startsAfter),
                .instant(conditions.startsBy),
                .instant(conditions.refundsFrom), .bool(hiding),
            ])
    }

    private static let replay = Replay<BookingRecord>("booking_answer")

    /// What the origin's key was answered with before, or nil. Refused with `keyReused`.
    public func earlierAnswer(to origin: Origin) async throws -> BookingRecord? {
        try await Self.replay.run(on: database, origin)
    }

    private static let bookings = Listing<BookingRecord>(
        "booking_answer",
        filters: ["user_id = ?", "doctor_id = ?", "status = ?", "start_time >= ?", "start_time < ?"],
        order: ["start_time", "id"])

    /// Bookings by start; every filter that is nil is left out.
    public func list(
        userID: Int64? = nil, doctorID: Int64? = nil, status: BookingStatus? = nil, startFrom: Instant? = nil,
        startBefore: Instant? = nil, after cursor: (start: Instant, id: Int64)?, limit: Int64
    ) async throws -> [BookingRecord] {
        try await Self.bookings.page(
            from: database,
            filters: [
                userID.map { .int64($0) }, doctorID.map { .int64($0) }, status.map { .text($0.rawValue) },
                startFrom.map { .instant($0) }, startBefore.map { .instant($0) },
            ],
            after: cursor.map { [.instant($0.start), .int64($0.id)] }, limit: limit)
    }
}
