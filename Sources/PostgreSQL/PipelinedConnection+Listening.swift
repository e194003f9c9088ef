// What a connection that listens needs of its pipeline: one small statement at a time, and what others have notified.

internal import CPostgreSQL
internal import Synchronization

extension Mutex where Value == PipelinedConnection {
    /// Makes a connection on this thread, which sleeps in between; its socket.
    func connect(
        _ parameters: ConnectionParameters, within limit: Duration, wakeup: Wakeup, unless isOver: () -> Bool
    ) -> Result<Int32, DatabaseError> {
        let end = ContinuousClock.now + limit
        var progress = withLock { $0.startConnecting(parameters) }
        while true {
            let remaining = end - .now
            switch progress {
            case .connected(let socket): return .success(socket)
            case .failed(let error): return .failure(error)
            case _ where remaining <= .zero || isOver():
                withLock { $0.disconnect() }
                return .failure(DatabaseError(.unavailable, "the database did not answer in time"))
            case .reading(let socket): wakeup.wait(socket: socket, timeout: remaining)
            case .writing(let socket):
                wakeup.wait(socket: socket, writable: true, readable: false, timeout: remaining)
            }
            progress = withLock { $0.continueConnecting() }
        }
    }
}

extension PipelinedConnection {
    /// What one look at the connection brought.
    struct PolledNotifications: Sendable {
        /// Somebody notified the channel.
        var isNotified = false
        /// The statement that was asked is answered.
        var isAnswered = false
        /// Why the connection can no longer be used.
        var lost: String?
    }

    /// Sends a statement without parameters, as the only one on its way; false if the connection is broken.
    func ask(_ sql: String) -> Bool {
        PQsendQueryParams(connection, sql, 0, nil, nil, nil, nil, 1) == 1 && PQpipelineSync(connection) == 1
            // What the socket has no room for is not answered either.
            && PQflush(connection) >= 0
    }

    /// Reads what the socket has. What was notified before the answer is polled with it at the latest.
    func pollNotifications(isAsked: Bool) -> PolledNotifications {
        var polled = PolledNotifications()
        let isAlive = PQconsumeInput(connection) == 1
        if isAsked { takeAnswer(&polled) }
        while let notification = PQnotifies(connection) {
            polled.isNotified = true
            PQfreemem(notification)
        }
        if polled.lost == nil, !isAlive || PQstatus(connection) == CONNECTION_BAD { polled.lost = message() }
        return polled
    }

    private func takeAnswer(_ polled: inout PolledNotifications) {
        var wasEnd = false
        while PQisBusy(connection) == 0 {
            guard let pointer = PQgetResult(connection) else {
                // It ends an outcome, and comes never twice.
                if wasEnd { return polled.lost = "an answer is missing" }
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
                guard (try? row.int64()) == Int64(PQbackendPID(connection)) else {
                    return polled.lost = "the line does not lead to one process, but to a pool of them"
                }
            default: return polled.lost = "the server refused to say whether it is there"
            }
        }
    }
}
