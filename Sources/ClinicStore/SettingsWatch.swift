// Looks once a second whether the clinic's settings are still those by which this server decides. If not, PostgreSQL refuses all of
// its changes, and a load balancer should know before callers do.

internal import Logging
internal import PostgreSQL
internal import Synchronization

/// Tells a database when the settings that its sessions name are old.
final class SettingsWatch: Sendable {
    private struct State {
        weak var database: Database?
        var version: Int64?
    }

    private let logger: Logger
    private let state = Mutex(State())

    init(logger: Logger) { self.logger = logger }

    func observe(_ database: Database, version: Int64) {
        state.withLock { $0 = State(database: database, version: version) }
    }

    func look(at connection: AdminConnection) throws(DatabaseError) {
        guard let version = state.withLock(\.version) else { return }
        let rows = try connection.query("select from clinic.settings where version <> $1", [.int64(version)])
        guard !rows.isEmpty else { return }
        let database = state.withLock { state in
            state.version = nil
            return state.database
        }
        database?.noteObstacleToChanges("the clinic's settings were changed; restart this server")
        logger.warning(
            "the clinic's settings were changed; this server refuses changes until it is restarted")
    }
}
