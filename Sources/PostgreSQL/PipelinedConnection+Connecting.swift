// Making a connection without blocking in libpq, except for name resolution, and setting its session.

internal import CPostgreSQL
internal import Synchronization

extension Mutex where Value == PipelinedConnection {
    /// Makes a connection to one of the addresses on this thread, which sleeps in between; returns its socket.
    func connect(
        _ parameters: ConnectionParameters, wakeup: Wakeup, unless isOver: () -> Bool
    ) -> Result<Int32, DatabaseError> {
        var attempts = ConnectionAttempts(parameters)
        while !isOver(), let address = attempts.nextAddress() {
            let end = ContinuousClock.now + attempts.limit
            switch connect(parameters, to: address, limit: attempts.limit, wakeup: wakeup, unless: isOver) {
            case .success(let socket):
                attempts.connected(address)
                return .success(socket)
            case .failure(let error):
                attempts.failed(address, error, wasSilent: error.kind == .unavailable && .now >= end)
            }
        }
        return .failure(attempts.error)
    }

    private func connect(
        _ parameters: ConnectionParameters, to address: ServerAddress, limit: Duration, wakeup: Wakeup,
        unless isOver: () -> Bool
    ) -> Result<Int32, DatabaseError> {
        let end = ContinuousClock.now + limit
        var progress = withLock { $0.startConnecting(parameters, to: address, limit: limit) }
        while true {
            let remaining = end - .now
            switch progress {
            case .connected(let socket): return .success(socket)
            case .failed(let error): return .failure(error)
            case _ where remaining <= .zero || isOver():
                return .failure(withLock { $0.abandonAttempt() })
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
    fileprivate mutating func startConnecting(
        _ parameters: ConnectionParameters, to address: ServerAddress, limit: Duration
    ) -> Progress {
        notices.sawServerShutdown.store(false, ordering: .relaxed)
        isBeingSet = false
        self.address = address
        connection = parameters.withArrays(for: address, limit: limit) { keys, values in
            PQconnectStartParams(keys, values, 1)
        }
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
            report = SessionReport(result)
            let isGood = PQresultStatus(result) == PGRES_TUPLES_OK
            PQclear(result)
            if !isGood { return failed() }
        }
        return .reading(PQsocket(connection))
    }

    private mutating func endSetting(_ session: SessionSettings) -> Progress {
        guard let report else { return failed() }
        if let error = report.obstacle(at: serverName, checksTimeline: session.checksTimeline) {
            disconnect()
            return .failed(error)
        }
        switch session.verdict(on: report) {
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

    /// Ends an attempt that takes too long.
    fileprivate mutating func abandonAttempt() -> DatabaseError {
        let error = DatabaseError(.unavailable, "the server at \(serverName) did not answer in time")
        disconnect()
        return error
    }

    /// The address in the words of the URL.
    private var serverName: String { Self.serverName(connection) }

    /// The host and the port of a connection.
    static func serverName(_ connection: OpaquePointer?) -> String {
        let host = PQhost(connection).map { String(cString: $0) } ?? ""
        let port = PQport(connection).map { String(cString: $0) } ?? ""
        return "\(host), port \(port)"
    }

    private mutating func failed() -> Progress {
        let reason = message()
        disconnect()
        return .failed(DatabaseError(.unavailable, reason))
    }
}
