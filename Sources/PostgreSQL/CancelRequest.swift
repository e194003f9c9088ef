// Asks the server to end what it does on one connection. The request takes a line of its own and names the
// connection only, so it hits whatever runs there when it arrives: the statement it was meant for, a neighbour,
// or nothing. The pipeline knows which statements could be hit and sends those again whose callers still wait.

internal import CPostgreSQL

final class CancelRequest: Sendable {
    /// Which of the connection's connections it is for.
    let generation: Int
    private let process: Int32
    /// Never changed by libpq, so any thread may use it.
    private nonisolated(unsafe) let pointer: OpaquePointer

    init?(connection: OpaquePointer?, generation: Int) {
        guard let pointer = PQgetCancel(connection) else { return nil }
        self.pointer = pointer
        self.generation = generation
        process = PQbackendPID(connection)
    }

    deinit {
        PQfreeCancel(pointer)
    }

    /// Sends it and waits until the server has passed it on; may block for as long as the server is silent.
    func send() {
        var reason = [CChar](repeating: 0, count: 256)
        // If it does not arrive, the statement is asked after again.
        PQcancel(pointer, &reason, Int32(reason.count))
    }

    /// True if the connection's process is at a statement and not at the end of its commit, waiting for a
    /// standby: interrupted there the server says that it has committed, though the standby may not know of it.
    func isBeforeCommit(url: String) -> Bool {
        let question = """
            SELECT count(*) FROM pg_stat_activity
            WHERE pid = $1 AND state = 'active' AND wait_event IS DISTINCT FROM 'SyncRep'
            """
        guard let connection = try? AdminConnection.connect(url: url),
            var row = try? connection.query(question, [.int64(Int64(process))]).first
        else { return false }
        return (try? row.int64()) == 1
    }
}
