// What a new session says of itself and its server, besides the settings that `SessionSettings` has.

internal import CPostgreSQL

/// The answer to `query`.
struct SessionReport: Sendable, Equatable {
    /// The values of `SessionSettings.durable`.
    let durability: [String]
    /// The server's process. Behind a connection pooler, libpq does not know it.
    let process: Int32
    /// Whether the server replays what another has written, or what an archive has: it takes no changes.
    let isInRecovery: Bool
    /// Where the server stands in the history of its cluster; nil in recovery.
    let position: TimelinePosition?

    /// Asks for it, after the settings.
    static let query =
        SessionSettings.durabilityQuery
            + """
            , (SELECT system_identifier FROM pg_catalog.pg_control_system()),
            CASE WHEN pg_catalog.pg_is_in_recovery() THEN ''
                ELSE pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8) END,
            pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery()
            """

    /// Reads the result of the query; nil if that failed.
    init?(_ result: OpaquePointer?) {
        guard PQresultStatus(result) == PGRES_TUPLES_OK, PQntuples(result) == 1 else { return nil }
        var values = (0..<PQnfields(result)).map { column in
            PQgetvalue(result, 0, column).map { String(cString: $0) } ?? ""
        }
        guard values.count == SessionSettings.durable.count + 4,
            let isInRecovery = values.popLast().map({ $0 == "t" }),
            let process = values.popLast().flatMap({ Int32($0) }),
            let timeline = values.popLast(), let system = values.popLast()
        else { return nil }
        position = Int(timeline, radix: 16).map { TimelinePosition(system: system, timeline: $0) }
        self.isInRecovery = isInRecovery
        self.process = process
        durability = values
    }

    /// Why the server must not be used, whose address is given in words; nil if it is the primary.
    func obstacle(at server: @autoclosure () -> String, checksTimeline: Bool = true) -> DatabaseError? {
        if isInRecovery { return Self.isStandby(server()) }
        guard checksTimeline, let position, !TimelineFence.admits(position) else { return nil }
        return TimelineFence.refusal(of: server(), position)
    }

    /// The error for a server that is not the one that takes changes.
    private static func isStandby(_ server: String) -> DatabaseError {
        DatabaseError(
            .server(.readOnlySQLTransaction),
            "the server at \(server) is a standby, or has not ended its recovery")
    }
}
