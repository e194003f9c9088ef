// The access log: sign-ins, and reads of personal data by those who are not the patient.
public import PostgreSQL
public import Scheduling

/// An entry of the access log.
public struct AccessRecord: Record {
    /// The entry's number.
    public let id: Int64
    /// When the call was made.
    public let occurredAt: Instant
    /// Who called; nil: nobody who was signed in.
    public let actorID: Int64?
    /// Whose data were read, or whose account it is; nil if it was a list, or the account is not known.
    public let userID: Int64?
    /// The method that was called.
    public let method: String
    /// The kind of thing that was read; nil for lists.
    public let entity: String?
    /// The number of that thing.
    public let entityID: Int64?
    /// The reason of a refusal; nil for what was allowed.
    public let refusal: String?
    /// Where the call came from: an IP address, or the user of a process on the server's machine.
    public let peer: String

    static let columns = [
        "id", "occurred_at", "actor_id", "user_id", "method", "entity", "entity_id", "refusal", "peer",
    ]

    init(reading row: inout Row) throws {
        id = try row.int64()
        occurredAt = try row.instant()
        actorID = try row.optionalInt64()
        userID = try row.optionalInt64()
        method = try row.text()
        entity = try row.optionalText()
        entityID = try row.optionalInt64()
        refusal = try row.optionalText()
        peer = try row.text()
    }
}

/// An entry that is to be written.
public struct AccessEntry: Sendable {
    /// What a call read, or whose account it was about.
    public struct Subject: Sendable {
        /// The kind of thing: user, booking or transaction.
        public var entity: String
        /// The number of that thing.
        public var id: Int64

        /// The thing of this kind and number.
        public init(_ entity: String, _ id: Int64) {
            self.entity = entity
            self.id = id
        }
    }

    fileprivate let occurredAt: Instant
    fileprivate let actorID: Int64?
    fileprivate let method: String
    fileprivate let subject: Subject?
    fileprivate let refusal: String?
    fileprivate let peer: String

    /// The entry of a call; the fields are those of `AccessRecord`.
    public init(
        occurredAt: Instant, actorID: Int64?, method: String, subject: Subject?, refusal: String?,
        peer: String
    ) {
        self.occurredAt = occurredAt
        self.actorID = actorID
        self.method = method
        self.subject = subject
        self.refusal = refusal
        self.peer = peer
    }
}

/// Writes and reads the access log.
public struct AccessLogStore: Sendable {
    private let database: Database

    /// The access log of this database.
    public init(database: Database) { self.database = database }

    /// Whose booking or transaction it is, is looked up here, so that the call does not wait for it.
    private static let insert = Statement(
        """
        insert into clinic.access_log (
            occurred_at, actor_id, user_id, method, entity, entity_id, refusal, peer)
        select to_timestamp(0) + microseconds * interval '1 microsecond', nullif(actor_id, 0),
            case entity
                when 'user' then entity_id
                when 'booking' then (select user_id from clinic.booking where id = entity_id)
                when 'transaction' then (select user_id from clinic.transaction where id = entity_id)
            end,
            method, nullif(entity, ''), nullif(entity_id, 0), nullif(refusal, ''), peer
        from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[])
            as given(microseconds, actor_id, method, entity, entity_id, refusal, peer)
        """)

    /// Writes entries in their order.
    public func append(_ entries: [AccessEntry]) async throws {
        _ = try await database.write(
            Self.insert,
            [
                .int64Array(entries.map(\.occurredAt.microsecondsSinceEpoch)),
                .int64Array(entries.map { $0.actorID ?? 0 }), .textArray(entries.map(\.method)),
                .textArray(entries.map { $0.subject?.entity ?? "" }),
                .int64Array(entries.map { $0.subject?.id ?? 0 }),
                .textArray(entries.map { $0.refusal ?? "" }), .textArray(entries.map(\.peer)),
            ])
    }

    /// Which entries; nil means any.
    public struct Filter: Sendable {
        /// Who called.
        public var actorID: Int64?
        /// Whose data.
        public var userID: Int64?
        /// The method.
        public var method: String?
        /// At or after this moment.
        public var from: Instant?
        /// Before this moment.
        public var before: Instant?

        /// All entries.
        public init() {}

        fileprivate var values: [SQLValue?] {
            [
                actorID.map { .int64($0) }, userID.map { .int64($0) }, method.map { .text($0) },
                from.map { .instant($0) }, before.map { .instant($0) },
            ]
        }
    }

    private static let forwards = listing(isDescending: false)
    private static let backwards = listing(isDescending: true)

    private static func listing(isDescending: Bool) -> Listing<AccessRecord> {
        Listing(
            "access_view",
            filters: ["actor_id = ?", "user_id = ?", "method = ?", "occurred_at >= ?", "occurred_at < ?"],
            order: ["id"], isDescending: isDescending,
            // Where few entries have a value they are sorted, where many have it they are met soon.
            isPlannedOnce: false)
    }

    /// The first `limit` entries after one, or from the first or last one on.
    public func read(
        after id: Int64?, newestFirst: Bool, matching filter: Filter, limit: Int64,
        for context: RequestContext?
    ) async throws -> [AccessRecord] {
        try await (newestFirst ? Self.backwards : Self.forwards).page(
            from: database, filters: filter.values, after: id.map { [.int64($0)] }, limit: limit
        ).answer(for: context)
    }
}
