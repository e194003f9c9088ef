// The one table that is audit trail and stream, read in an order that loses nothing.
//
// Sequence numbers are given out before transactions commit, so a reader of sequences alone would pass by whoever
// commits late. The view orders by transaction and holds back what an older running transaction could still precede.
public import PostgreSQL
public import Scheduling

/// A place in the order of events: those after it are what a reader who has come so far has not seen.
public struct EventPosition: Sendable, Hashable, Comparable {
    /// The number of the transaction that wrote the event.
    public let transactionNumber: Int64
    /// The event's own number.
    public let sequence: Int64

    /// The place of the event of this number, written by this transaction.
    public init(transactionNumber: Int64, sequence: Int64) {
        self.transactionNumber = transactionNumber
        self.sequence = sequence
    }

    /// Earlier before later.
    public static func < (left: EventPosition, right: EventPosition) -> Bool {
        (left.transactionNumber, left.sequence) < (right.transactionNumber, right.sequence)
    }
}

/// A change that was made.
public struct EventRecord: Record {
    /// Its place in the order.
    public let position: EventPosition
    /// When it was written.
    public let occurredAt: Instant
    /// Who did it; nil: nobody who was signed in.
    public let actorID: Int64?
    /// The method that was called, or the command of the daemon.
    public let method: String
    /// The kind of thing it happened to.
    public let entity: String
    /// The number of that thing.
    public let entityID: Int64
    /// What changed, as a JSON object.
    public let change: String

    static let columns = [
        "position", "sequence", "occurred_at", "actor_id", "method", "entity", "entity_id", "change",
    ]

    init(reading row: inout Row) throws {
        position = EventPosition(transactionNumber: try row.int64(), sequence: try row.int64())
        occurredAt = try row.instant()
        actorID = try row.optionalInt64()
        method = try row.text()
        entity = try row.text()
        entityID = try row.int64()
        change = try row.text()
    }
}

/// Reads events.
public struct EventStore: Sendable {
    private let database: Database

    /// Events of this database.
    public init(database: Database) { self.database = database }

    /// Which events; nil means any.
    public struct Filter: Sendable {
        /// Who did it.
        public var actorID: Int64?
        /// The kind of thing.
        public var entity: String?
        /// The number of the thing.
        public var entityID: Int64?
        /// The method.
        public var method: String?
        /// At or after this moment.
        public var from: Instant?
        /// Before this moment.
        public var before: Instant?

        /// All events.
        public init() {}

        fileprivate var values: [SQLValue?] {
            [
                actorID.map { .int64($0) }, entity.map { .text($0) }, entityID.map { .int64($0) },
                method.map { .text($0) }, from.map { .instant($0) }, before.map { .instant($0) },
            ]
        }
    }

    /// Where the trail begins, if old events were archived.
    public struct ArchiveMark: Sendable {
        /// Events up to here may be gone; all after it are there.
        public let position: EventPosition
        /// When the last of them was written.
        public let lastOccurredAt: Instant
    }

    private static let archiveMark = Statement(
        "select position, sequence, last_occurred_at from archive_mark")

    /// Where the trail begins; nil if nothing was archived.
    public func archiveMark(for context: RequestContext?) async throws -> ArchiveMark? {
        guard var row = try await database.read(Self.archiveMark, for: context).first else { return nil }
        return ArchiveMark(
            position: EventPosition(transactionNumber: try row.int64(), sequence: try row.int64()),
            lastOccurredAt: try row.instant())
    }

    private static let final = listing(of: "event_view", isDescending: false)
    private static let forwards = listing(of: "audit_view", isDescending: false)
    private static let backwards = listing(of: "audit_view", isDescending: true)

    private static func listing(of view: String, isDescending: Bool) -> Listing<EventRecord> {
        Listing(
            view,
            filters: [
                "actor_id = ?", "entity = ?", "entity_id = ?", "method = ?", "occurred_at >= ?",
                "occurred_at < ?",
            ],
            order: ["position", "sequence"], isDescending: isDescending,
            // Where few events have a value they are sorted, where many have it they are met soon.
            isPlannedOnce: false)
    }

    /// The first `limit` events after a position, or from the first one on, in their final order.
    ///
    /// A reader who goes on after the last event it got sees every event exactly once: fewer than `limit` only say
    /// that no more are final now.
    public func read(
        after position: EventPosition?, matching filter: Filter = Filter(), limit: Int64,
        for context: RequestContext?
    ) async throws -> [EventRecord] {
        try await page(Self.final, position, filter, limit, context)
    }

    /// As `read`, but the last page also has the events that an older running transaction could still precede.
    public func readAll(
        after position: EventPosition?, matching filter: Filter, limit: Int64, for context: RequestContext?
    ) async throws -> [EventRecord] {
        let final = try await read(after: position, matching: filter, limit: limit, for: context)
        guard final.count < limit else { return final }
        return try await page(Self.forwards, position, filter, limit, context)
    }

    /// The last `limit` events before a position, or from the last one on, the last first. It has all that are committed.
    public func readBackwards(
        before position: EventPosition?, matching filter: Filter = Filter(), limit: Int64,
        for context: RequestContext?
    ) async throws -> [EventRecord] {
        try await page(Self.backwards, position, filter, limit, context)
    }

    private func page(
        _ listing: Listing<EventRecord>, _ position: EventPosition?, _ filter: Filter, _ limit: Int64,
        _ context: RequestContext?
    ) async throws -> [EventRecord] {
        try await listing.page(
            from: database, filters: filter.values,
            after: position.map { [.int64($0.transactionNumber), .int64($0.sequence)] }, limit: limit
        ).answer(for: context)
    }
}
