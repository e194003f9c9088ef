// Making a connection without blocking in libpq, except for name resolution, and setting its session.

internal import CPostgreSQL
internal import Synchronization

extension Mutex where Value == PipelinedConnection {
    /// Makes a connection on this thread, which sleeps in between; returns its socket.
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
            progress = withLock { $0.continueConnecting(parameters.session) }
        }
    }
}

extension PipelinedConnection {
    enum Progress: Sendable {
        case reading(Int32)
        case writing(Int32)
        case connected(Int32)
        case failed(DatabaseError)
    }

    /// Starts a new connection; may block for name resolution.
    fileprivate mutating func startConnecting(_ parameters: ConnectionParameters) -> Progress {
        notices.sawServerShutdown.store(false, ordering: .relaxed)
        isBeingSet = false
        connection = parameters.withArrays { keys, values in PQconnectStartParams(keys, values, 1) }
        guard connection != nil, PQstatus(connection) != CONNECTION_BAD else { return failed() }
        PQsetNoticeReceiver(connection, ConnectionNotices.receiver, notices.pointer)
        return .writing(PQsocket(connection))
    }

    /// Goes on once the socket is ready.
    fileprivate mutating func continueConnecting(_ session: SessionSettings) -> Progress {
        if isBeingSet { return continueSetting(session) }
        switch PQconnectPoll(connection) {
        case PGRES_POLLING_READING: return .reading(PQsocket(connection))
        case PGRES_POLLING_WRITING: return .writing(PQsocket(connection))
        case PGRES_POLLING_OK:
            let version = PQserverVersion(connection)
            guard version >= 150_000 else {
                let major = version / 10_000
                disconnect()
                return .failed(
                    DatabaseError(.unusable, "the server is PostgreSQL \(major); this needs 15 or newer"))
            }
            guard PQsetnonblocking(connection, 1) == 0,
                PQsendQuery(connection, session.statement(serverVersion: version)) == 1
            else { return failed() }
            isBeingSet = true
            return continueSetting(session)
        default: return failed()
        }
    }

    /// Reads the results of the statement that sets the session, and judges the last.
    private mutating func continueSetting(_ session: SessionSettings) -> Progress {
        switch PQflush(connection) {
        case 0: break
        case 1: return .writing(PQsocket(connection))
        default: return failed()
        }
        guard PQconsumeInput(connection) == 1 else { return failed() }
        while PQisBusy(connection) == 0 {
            guard let result = PQgetResult(connection) else { return endSetting(session) }
            sessionValues = SessionSettings.values(of: result)
            PQclear(result)
            if sessionValues == nil { return failed() }
        }
        return .reading(PQsocket(connection))
    }

    private mutating func endSetting(_ session: SessionSettings) -> Progress {
        switch session.verdict(on: sessionValues ?? []) {
        case .good: break
        case .warning(let what): notices.warnOfUnsafeDurability(what)
        case .refusal(let reason):
            disconnect()
            return .failed(DatabaseError(.unusable, reason))
        }
        isBeingSet = false
        guard PQenterPipelineMode(connection) == 1 else { return failed() }
        machine.connected(at: .now)
        return .connected(PQsocket(connection))
    }

    private mutating func failed() -> Progress {
        let reason = message()
        disconnect()
        return .failed(DatabaseError(.unavailable, reason))
    }
}
