// What a connection that listens needs: one small statement at a time, and the notifications of others.

internal import CPostgreSQL

extension PipelinedConnection {
    /// What one read of the connection brought.
    struct Polled: Sendable {
        /// The channel was notified.
        var isNotified = false
        /// The statement that was sent has its result.
        var isAnswered = false
        /// Why the connection can no longer be used.
        var lost: String?
    }

    /// Sends a statement without parameters, as the only one on its way; false if the connection is broken.
    func sendStatement(_ sql: String) -> Bool {
        PQsendQueryParams(connection, sql, 0, nil, nil, nil, nil, 1) == 1 && PQpipelineSync(connection) == 1
            // What the socket has no room for gets no result either, and the heartbeat times out.
            && PQflush(connection) >= 0
    }

    /// Reads what the socket has. PostgreSQL sends notifications before the result of a later statement.
    func pollNotifications(awaitsResult: Bool) -> Polled {
        var polled = Polled()
        let isAlive = PQconsumeInput(connection) == 1
        if awaitsResult { receiveResult(&polled) }
        while let notification = PQnotifies(connection) {
            polled.isNotified = true
            PQfreemem(notification)
        }
        if polled.lost == nil, !isAlive || PQstatus(connection) == CONNECTION_BAD { polled.lost = message() }
        return polled
    }

    private func receiveResult(_ polled: inout Polled) {
        var wasEnd = false
        while PQisBusy(connection) == 0 {
            guard let pointer = PQgetResult(connection) else {
                // It ends a result, and never comes twice.
                if wasEnd { return polled.lost = "a result is missing" }
                wasEnd = true
                continue
            }
            wasEnd = false
            let result = QueryResult(pointer)
            switch PQresultStatus(pointer) {
            case PGRES_PIPELINE_SYNC: return polled.isAnswered = true
            case PGRES_COMMAND_OK: break
            case PGRES_TUPLES_OK:
                var row = Rows(result)[0]
                guard (try? row.int64()) == report.map({ Int64($0.process) }) else {
                    return polled.lost = "a pooler is in between, which does not pass notifications on"
                }
            default: return polled.lost = "the server refused the heartbeat"
            }
        }
    }
}
