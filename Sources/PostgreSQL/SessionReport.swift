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

    /// Asks for it, after the settings.
    static let query =
        SessionSettings.durabilityQuery + ", pg_catalog.pg_backend_pid(), pg_catalog.pg_is_in_recovery()"

    /// Reads the result of the query; nil if that failed.
    init?(_ result: OpaquePointer?) {
        guard PQresultStatus(result) == PGRES_TUPLES_OK, PQntuples(result) == 1 else { return nil }
        var values = (0..<PQnfields(result)).map { column in
            PQgetvalue(result, 0, column).map { String(cString: $0) } ?? ""
        }
        guard values.count == SessionSettings.durable.count + 2,
            let isInRecovery = values.popLast().map({ $0 == "t" }),
            let process = values.popLast().flatMap({ Int32($0) })
        else { return nil }
        self.isInRecovery = isInRecovery
        self.process = process
        durability = values
    }

    /// The error for a server that is not the one that takes changes.
    static func isStandby(_ server: String) -> DatabaseError {
        DatabaseError(
            .server(.readOnlySQLTransaction),
            "the server at \(server) is a standby, or has not ended its recovery")
    }
}
