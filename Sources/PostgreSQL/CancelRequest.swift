// Asks the server to cancel what one connection runs. The request takes a connection of its own and names only the server's
// process, so it hits whatever runs there when it arrives: the statement it was meant for, another one, or nothing. The
// pipeline knows which statements could be hit, and sends those again that are still wanted.

internal import CPostgreSQL

final class CancelRequest: Sendable {
    /// The session that it is for, as the connection counts them.
    let generation: Int
    private let process: Int32
    /// libpq never changes it, so any thread may use it.
    private nonisolated(unsafe) let pointer: OpaquePointer

    /// - Parameter process: the server's process, which libpq does not know behind a connection pooler.
    init?(connection: OpaquePointer?, process: Int32, generation: Int) {
        guard let pointer = PQgetCancel(connection) else { return nil }
        self.pointer = pointer
        self.generation = generation
        self.process = process
    }

    deinit {
        PQfreeCancel(pointer)
    }

    /// Sends it and waits until the server has passed it on; blocks for as long as the server is silent.
    func send() {
        var reason = [CChar](repeating: 0, count: 256)
        // If it does not arrive, the connection's next look at its statements sends another.
        PQcancel(pointer, &reason, Int32(reason.count))
    }

    /// Whether the process runs a statement and is not at the end of a commit, waiting for a standby: cancelled there,
    /// the server confirms a commit that the standby may not have.
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
