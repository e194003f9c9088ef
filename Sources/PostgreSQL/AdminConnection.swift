// A plain blocking connection for the few things that are not traffic: migrations, making roles and
// databases. It runs on a thread that may wait, never on an event loop or one of Swift's own.

internal import CPostgreSQL

/// A blocking connection, valid inside `withConnection` only.
public final class AdminConnection {
    private let connection: OpaquePointer
    private var mustStayInTransaction = false

    private init(_ connection: OpaquePointer) {
        self.connection = connection
    }

    deinit {
        PQfinish(connection)
    }

    /// Connects, runs the body on a thread that may block, and disconnects.
    ///
    /// Throws what the body throws, or a `DatabaseError`: `.unusable` for a URL that cannot be read or a
    /// server older than 15, `.unavailable` if nobody answers.
    public static func withConnection<Result: Sendable>(
        url: String, _ body: @escaping @Sendable (AdminConnection) throws -> Result
    ) async throws -> Result {
        try await Thread.result { try body(connect(url: url)) }
    }

    /// Connects to one of the addresses on the calling thread, which it blocks.
    ///
    /// - Parameter isPrepared: whether its session is set; without, nothing of it stays in a connection pooler.
    public static func connect(
        url: String, isPrepared: Bool = true
    ) throws(DatabaseError) -> AdminConnection {
        let parameters = try ConnectionParameters(DatabaseConfiguration(url: url), purpose: .administration)
        var attempts = ConnectionAttempts(parameters)
        while let address = attempts.nextAddress() {
            let end = ContinuousClock.now + attempts.limit
            do throws(DatabaseError) {
                let connection = try connect(parameters, to: address, limit: attempts.limit)
                if isPrepared { try connection.prepare(parameters.session) }
                attempts.connected(address)
                return connection
            } catch {
                attempts.failed(address, error, wasSilent: error.kind == .unavailable && .now >= end)
            }
        }
        throw attempts.error
    }

    /// Connects to one address and judges the server.
    static func connect(
        _ parameters: ConnectionParameters, to address: ServerAddress
    ) throws(DatabaseError) -> AdminConnection {
        let connection = try connect(
            parameters, to: address, limit: parameters.attemptLimit(addresses: 2))
        try connection.prepare(parameters.session)
        return connection
    }

    private static func connect(
        _ parameters: ConnectionParameters, to address: ServerAddress, limit: Duration
    ) throws(DatabaseError) -> AdminConnection {
        let pointer = parameters.withArrays(for: address, limit: limit) { keys, values in
            PQconnectdbParams(keys, values, 1)
        }
        guard let pointer else { throw DatabaseError(.unavailable, "out of memory") }
        let connection = AdminConnection(pointer)
        guard PQstatus(pointer) == CONNECTION_OK else {
            let message = PQerrorMessage(pointer).map { String(cString: $0) } ?? ""
            throw DatabaseError(
                .unavailable,
                message.split(whereSeparator: \.isNewline).map { line in
                    line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                }.joined(separator: "; "))
        }
        let version = PQserverVersion(pointer)
        guard version >= 150_000 else {
            throw DatabaseError(
                .unusable, "the server is PostgreSQL \(version / 10_000); this needs 15 or newer")
        }
        PQsetNoticeReceiver(pointer, { _, _ in }, nil)
        return connection
    }

    /// Sets the session. Throws if the server takes no changes.
    private func prepare(_ session: SessionSettings) throws(DatabaseError) {
        let answer = try check(
            PQexec(connection, session.statement(serverVersion: PQserverVersion(connection))))
        guard let report = SessionReport(answer.pointer) else {
            throw DatabaseError(.decoding, "the server's report of a session cannot be read")
        }
        if let error = report.obstacle(
            at: PipelinedConnection.serverName(connection), checksTimeline: session.checksTimeline)
        {
            throw error
        }
    }

    /// Whether waiting can help after a connection could not be made: a server does not answer, starts up or is a standby.
    public static func isWorthWaiting(after error: DatabaseError, url: String) async -> Bool {
        guard error.category == .unavailable else { return false }
        if error.state == .readOnlySQLTransaction { return true }
        return
            (try? await Thread.result {
                try ConnectionParameters(DatabaseConfiguration(url: url), purpose: .administration)
                    .mayBecomeReachable()
            }) ?? false
    }

    /// Runs a script of any number of statements in one transaction, unless the script itself says otherwise.
    public func execute(_ script: String) throws(DatabaseError) {
        _ = try check(PQexec(connection, script))
    }

    /// Runs one statement with parameters.
    public func query(_ sql: String, _ parameters: [SQLValue] = []) throws(DatabaseError) -> Rows {
        try SQLValue.check(parameters)
        var buffer = ParameterBuffer()
        guard buffer.fill(parameters) else { throw DatabaseError(.decoding, "a parameter is too large") }
        return Rows(
            try check(
                PQexecParams(
                    connection, sql, Int32(clamping: parameters.count), buffer.types, buffer.pointers,
                    buffer.lengths, buffer.formats, 1)))
    }

    /// Runs one statement and returns the text that it has as its first value, empty for null; nil if the answer takes
    /// longer than the limit. The connection cannot be used after that.
    func text(of sql: String, within limit: Duration) throws(DatabaseError) -> String? {
        let end = ContinuousClock.now + limit
        let wakeup = try Wakeup()
        guard PQsendQuery(connection, sql) == 1 else {
            throw DatabaseError(.unavailable, "the connection is lost")
        }
        var value = ""
        while true {
            while PQisBusy(connection) == 0 {
                guard let pointer = PQgetResult(connection) else { return value }
                let result = try check(pointer)
                value = PQgetvalue(result.pointer, 0, 0).map { String(cString: $0) } ?? ""
            }
            guard .now < end else { return nil }
            wakeup.wait(socket: socket, timeout: end - .now)
            guard PQconsumeInput(connection) == 1 else {
                throw DatabaseError(.unavailable, "the connection is lost")
            }
        }
    }

    /// The process that libpq takes for the server's.
    var announcedProcess: Int32 { PQbackendPID(connection) }

    /// Runs the body in a transaction; an error of the body or of the commit undoes all of it.
    public func transaction(_ body: () throws(DatabaseError) -> Void) throws(DatabaseError) {
        try execute("BEGIN")
        mustStayInTransaction = true
        do throws(DatabaseError) {
            try body()
            mustStayInTransaction = false
        } catch {
            mustStayInTransaction = false
            try? execute("ROLLBACK")
            throw error
        }
        let result = try check(PQexec(connection, "COMMIT"))
        // COMMIT of a failed transaction rolls back and answers so, with a status of success.
        guard let tag = PQcmdStatus(result.pointer), String(cString: tag) == "COMMIT" else {
            throw DatabaseError(.server(SQLState("25P02")), "the transaction was rolled back")
        }
    }

    /// Throws `.unusable` if the server can lose changes that were acknowledged.
    public func checkDurability() throws(DatabaseError) {
        var row = try query(SessionSettings.durabilityQuery)[0]
        var values: [String] = []
        for _ in SessionSettings.durable { values.append(try row.text()) }
        if let faults = SessionSettings.faults(in: values) {
            throw DatabaseError(.unusable, SessionSettings.refusal(of: faults))
        }
    }

    /// The address of the server if the connection reaches another machine unencrypted; nil otherwise.
    public var plainTextHost: String? {
        // The address in use; empty for a Unix socket.
        let host = PQhostaddr(connection).map { String(cString: $0) } ?? ""
        let isLocal = host.isEmpty || host == "::1" || host.hasPrefix("127.")
        return isLocal || PQsslInUse(connection) == 1 ? nil : host
    }

    /// The descriptor of its socket, or −1.
    var socket: Int32 { PQsocket(connection) }

    /// Waits until the time is over, somebody signals, or the connection is lost, for which it throws.
    func wait(for duration: Duration, orUntil wakeup: Wakeup) throws(DatabaseError) {
        // Readable without a statement: a notice, or the end of the connection.
        guard wakeup.wait(socket: socket, timeout: duration) else { return }
        guard PQconsumeInput(connection) == 1, PQstatus(connection) == CONNECTION_OK else {
            throw DatabaseError(.unavailable, "the server closed the connection")
        }
    }

    private func check(_ pointer: OpaquePointer?) throws(DatabaseError) -> QueryResult {
        guard let pointer else { throw DatabaseError(.unavailable, "the connection is lost") }
        let result = QueryResult(pointer)
        switch PQresultStatus(pointer) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            guard !mustStayInTransaction || PQtransactionStatus(connection) == PQTRANS_INTRANS else {
                throw DatabaseError(.server(SQLState("25P01")), "the script ended its transaction")
            }
            return result
        case _ where PQstatus(connection) == CONNECTION_BAD:
            throw DatabaseError(.outcomeUnknown, "the connection was lost during a statement")
        default: throw DatabaseError(result)
        }
    }
}
