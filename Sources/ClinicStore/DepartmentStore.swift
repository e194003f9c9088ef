// Departments in the database.
public import PostgreSQL
public import Scheduling

/// Reads and changes departments.
public struct DepartmentStore: Sendable {
    private let database: Database

    /// Departments of this database.
    public init(database: Database) { self.database = database }

    /// A department as it is to be, already checked.
    public struct Draft: Sendable {
        /// Its name.
        public var name: String
        /// The name folded for comparison.
        public var nameKey: String
        /// When it is open.
        public var hours: OpeningHours

        /// A department as it is to be.
        public init(name: String, nameKey: String, hours: OpeningHours) {
            self.name = name
            self.nameKey = nameKey
            self.hours = hours
        }

        fileprivate var values: [SQLValue] {
            [.text(name), .text(nameKey), .minutes(hours.opens), .minutes(hours.closes)]
        }
    }

    private static let create = Mutation<DepartmentRecord>("create_department", parameterCount: 5)
    private static let update = Mutation<DepartmentRecord>("update_department", parameterCount: 7)
    private static let delete = Mutation<CancellationsRecord>("delete_department", parameterCount: 4)

    /// Makes a department. Refused with `departmentNameTaken`.
    public func create(_ draft: Draft, today: CivilDate, context: RequestContext) async throws
        -> DepartmentRecord
    {
        try await Self.create.run(on: database, context, draft.values + [.civilDate(today)])
    }

    /// Replaces a department that is at `version`. Refused with `staleVersion`, `departmentNameTaken`.
    public func update(
        _ id: Int64, at version: Int64, to draft: Draft, today: CivilDate, context: RequestContext
    ) async throws -> DepartmentRecord {
        try await Self.update.run(
            on: database, context, [.int64(id), .int64(version)] + draft.values + [.civilDate(today)])
    }

    /// Removes a department. Refused with `departmentNotFound`, `hasDependants`.
    ///
    /// - Parameters:
    ///   - force: its doctors are removed too, and their future bookings are cancelled and refunded. Otherwise there may be
    ///     neither.
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

    private static let replay = Replay<DepartmentRecord>("department_view")

    /// What the context's key was answered with before, or nil. Refused with `keyReused`.
    public func earlierAnswer(to context: RequestContext) async throws -> DepartmentRecord? {
        try await Self.replay.run(on: database, context)
    }

    private static let one = Statement(
        "select \(DepartmentRecord.columnList()) from department_view where id = $1")
    private static let all = Listing<DepartmentRecord>("department_view", order: ["id"])

    /// A live department. Refused with `departmentNotFound`.
    public func get(_ id: Int64) -> Query<DepartmentRecord> {
        Query(database, Self.one, [.int64(id)], orRefused: .departmentNotFound)
    }

    /// Live departments by id.
    public func list(
        after id: Int64?, limit: Int64, for context: RequestContext?
    ) async throws -> [DepartmentRecord] {
        try await Self.all.page(from: database, after: id.map { [.int64($0)] }, limit: limit).answer(
            for: context)
    }
}
