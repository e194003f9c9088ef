// Doctors in the database.
public import PostgreSQL
public import Scheduling

/// Reads and changes doctors.
public struct DoctorStore: Sendable {
    let database: Database

    /// Doctors of this database.
    public init(database: Database) { self.database = database }

    /// A doctor as he or she is to be, already checked.
    public struct Draft: Sendable {
        /// Where the doctor works.
        public var departmentID: Int64
        /// The name to print.
        public var fullName: String
        /// Unique among live doctors.
        public var registrationNumber: String
        /// The last valid day.
        public var registrationExpiry: CivilDate
        /// Minor units, without GST.
        public var fee: Int64
        /// 5 to 240.
        public var slotMinutes: Int64
        /// No GST is charged.
        public var isGSTFree: Bool

        /// A doctor as he or she is to be.
        public init(
            departmentID: Int64, fullName: String, registrationNumber: String, registrationExpiry: CivilDate,
            fee: Int64, slotMinutes: Int64, isGSTFree: Bool
        ) {
            self.departmentID = departmentID
            self.fullName = fullName
            self.registrationNumber = registrationNumber
            self.registrationExpiry = registrationExpiry
            self.fee = fee
            self.slotMinutes = slotMinutes
            self.isGSTFree = isGSTFree
        }

        fileprivate var values: [SQLValue] {
            [
                .int64(departmentID), .text(fullName), .text(registrationNumber),
                .civilDate(registrationExpiry),
                .int64(fee), .int64(slotMinutes), .bool(isGSTFree),
            ]
        }
    }

    private static let register = Mutation<DoctorRecord>("register_doctor", parameterCount: 7)
    private static let update = Mutation<DoctorRecord>("update_doctor", parameterCount: 9)
    private static let setSchedule = Mutation<DoctorRecord>("set_doctor_schedule", parameterCount: 4)
    private static let delete = Mutation<CancellationsRecord>("delete_doctor", parameterCount: 4)

    /// Registers a doctor. Refused with `departmentNotFound`, `registrationNumberTaken`.
    public func register(_ draft: Draft, context: RequestContext) async throws -> DoctorRecord {
        try await Self.register.run(on: database, context, draft.values)
    }

    /// Replaces a doctor who is at `version`. Refused with `staleVersion`, `departmentNotFound`,
    /// `registrationNumberTaken`.
    public func update(
        _ id: Int64, at version: Int64, to draft: Draft, context: RequestContext
    ) async throws -> DoctorRecord {
        try await Self.update.run(on: database, context, [.int64(id), .int64(version)] + draft.values)
    }

    /// Removes a doctor. Refused with `doctorNotFound`, `hasDependants`.
    ///
    /// - Parameters:
    ///   - force: the doctor's future bookings are cancelled and refunded. Otherwise there may be none.
    ///   - isPreview: nothing is changed.
    public func delete(
        _ id: Int64, now: Instant, force: Bool, isPreview: Bool, context: RequestContext
    ) async throws -> CancellationsRecord {
        try await Self.delete.run(
            on: database, context,
            [
                .int64(id), .instant(now), .statuses(force ? BookingStatus.occupying : []),
                .bool(isPreview),
            ])
    }

    /// Replaces the weekly hours of a doctor who is on these terms. Refused with `staleVersion`.
    public func setWeeklyHours(_ hours: WeeklyHours, on terms: Terms, context: RequestContext) async throws
        -> DoctorRecord
    {
        try await Self.setSchedule.run(
            on: database, context,
            [
                .int64(terms.doctorID), .int64(terms.doctorVersion), .int64(terms.departmentVersion),
                .int64Array(hours.minutesOfWeek),
            ])
    }

    private static let replay = Replay<DoctorRecord>("doctor_view")

    /// What the context's key was answered with before, or nil. Refused with `keyReused`.
    public func earlierAnswer(to context: RequestContext) async throws -> DoctorRecord? {
        try await Self.replay.run(on: database, context)
    }

    private static let one = Statement("select \(DoctorRecord.columnList()) from doctor_view where id = $1")
    private static let doctors = Listing<DoctorRecord>(
        "doctor_view", filters: ["department_id = ?"], order: ["id"])

    /// A live doctor. Refused with `doctorNotFound`.
    public func get(_ id: Int64) -> Query<DoctorRecord> {
        Query(database, Self.one, [.int64(id)], orRefused: .doctorNotFound)
    }

    /// Live doctors by id.
    public func list(
        departmentID: Int64?, after id: Int64?, limit: Int64, for context: RequestContext?
    ) async throws -> [DoctorRecord] {
        try await Self.doctors.page(
            from: database, filters: [departmentID.map { .int64($0) }], after: id.map { [.int64($0)] },
            limit: limit
        ).answer(for: context)
    }
}
