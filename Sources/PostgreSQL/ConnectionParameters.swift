// The parameters of every connection: the user's URL between defaults that it may override and settings that it may not.
// libpq takes the last value of a key, and expands a URL where `dbname` stands. Settings of the session are not among them,
// because connection poolers refuse or drop those.

internal import CPostgreSQL

/// What a connection is for, which decides its settings.
enum ConnectionPurpose: Sendable {
    /// Statements that may be sent again: the server refuses any change on such a connection.
    case reads
    /// Statements whose effect must happen once.
    case writes
    /// Migrations and administration: no timeouts.
    case administration
}

struct ConnectionParameters: Sendable {
    private let pairs: [(key: String, value: String)]
    /// The places where the server may be.
    let servers: ServerList
    /// What is set on the session.
    let session: SessionSettings
    /// How long an attempt to connect may take, if the URL says so.
    private let givenLimit: Duration?
    private let connectTimeout: Duration

    /// How long an attempt may take if there are other addresses to try.
    private static let limitAmongSeveral = Duration.seconds(3)

    init(_ configuration: DatabaseConfiguration, purpose: ConnectionPurpose) throws(DatabaseError) {
        let given = try Self.parse(configuration.url)
        if let wanted = given["target_session_attrs"], ["standby", "read-only"].contains(wanted) {
            throw DatabaseError(
                .unusable,
                "the database URL asks for a standby (target_session_attrs=\(wanted)), which takes no changes; "
                    + "leave that out")
        }
        servers = try ServerList(given)
        session = SessionSettings(
            configuration, purpose: purpose,
            // The URL can override this one.
            setsPageCost: given["options"]?.contains("random_page_cost") != true)
        connectTimeout = configuration.connectTimeout
        givenLimit = given["connect_timeout"].flatMap { Int64($0) }.flatMap { seconds in
            // As libpq has it, but never without a limit.
            seconds > 0 ? .seconds(max(2, seconds)) : nil
        }
        pairs = [
            ("application_name", "clinicd"),
            ("keepalives", "1"), ("keepalives_idle", "10"), ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "10000"),
            ("dbname", configuration.url),
            ("client_encoding", "UTF8"),
            // Whether the server is a primary is asked of each session, see SessionReport.
            ("target_session_attrs", "any"),
        ]
    }

    /// How long an attempt to connect to one of so many addresses may take.
    func attemptLimit(addresses: Int) -> Duration {
        givenLimit ?? (addresses > 1 ? min(connectTimeout, Self.limitAmongSeveral) : connectTimeout)
    }

    /// Whether a server is there that does not accept connections yet (starting up or recovering); may block.
    func serverIsStarting() -> Bool { servers.addresses().contains { ping($0) == PQPING_REJECT } }

    /// Whether a server may accept connections later: one does not answer, or not yet; may block.
    func mayBecomeReachable() -> Bool {
        servers.addresses().contains { [PQPING_REJECT, PQPING_NO_RESPONSE].contains(ping($0)) }
    }

    /// Whether the server at an address answers at all; blocks until it does, or for as long as an attempt may take.
    func serverAnswers(at address: ServerAddress) -> Bool {
        [PQPING_OK, PQPING_REJECT].contains(ping(address))
    }

    private func ping(_ address: ServerAddress) -> PGPing {
        withArrays(for: address, limit: attemptLimit(addresses: 1)) { keys, values in
            PQpingParams(keys, values, 1)
        }
    }

    /// Runs the body with the two null-terminated arrays that libpq takes to connect to one address.
    func withArrays<Result>(
        for address: ServerAddress, limit: Duration,
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>) -> Result
    ) -> Result {
        // libpq counts in seconds, two at least.
        let seconds = max(2, (limit.milliseconds + 999) / 1_000)
        let pairs = pairs + address.parameters + [("connect_timeout", "\(seconds)")]
        let copies = (pairs.map(\.key) + pairs.map(\.value)).map { text -> UnsafeMutablePointer<CChar> in
            let bytes = text.utf8CString
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
            bytes.withUnsafeBufferPointer { source in
                if let base = source.baseAddress { copy.initialize(from: base, count: source.count) }
            }
            return copy
        }
        defer { for copy in copies { copy.deallocate() } }
        let keyArray = copies.prefix(pairs.count).map { UnsafePointer<CChar>?($0) } + [nil]
        let valueArray = copies.suffix(pairs.count).map { UnsafePointer<CChar>?($0) } + [nil]
        return body(keyArray, valueArray)
    }

    /// The settings in the URL. libpq's own message is not passed on, since it can quote the password.
    private static func parse(_ url: String) throws(DatabaseError) -> [String: String] {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(url, &message) else {
            PQfreemem(message)
            throw DatabaseError(
                .unusable,
                "the database URL cannot be read; it looks like postgresql://USER@HOST:PORT/DATABASE")
        }
        defer { PQconninfoFree(options) }
        var given: [String: String] = [:]
        var option = options
        while let key = option.pointee.keyword {
            if let value = option.pointee.val { given[String(cString: key)] = String(cString: value) }
            option += 1
        }
        return given
    }
}
