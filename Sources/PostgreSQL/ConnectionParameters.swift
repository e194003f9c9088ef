// The parameters of every connection: the user's URL between defaults that it may override and settings that it may not.
// libpq takes the last value of a key, and expands a URL where `dbname` stands.

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
    let keys: [String]
    let values: [String]
    /// What is set on the session, too.
    let session: SessionSettings

    init(_ configuration: DatabaseConfiguration, purpose: ConnectionPurpose) throws(DatabaseError) {
        let given = try Self.parse(configuration.url)
        session = SessionSettings(configuration, purpose: purpose)
        var settings = session.startupOptions
        var servers = "any"
        if purpose != .administration {
            // Ends a statement soon after its client is gone.
            settings.append("-c client_connection_check_interval=500")
            // Not a standby, which may lag behind what has been acknowledged.
            servers = purpose == .writes ? "read-write" : "primary"
        }
        // One plan for all values, which finds rows by index also while a table is so small that the planner takes a scan to
        // be as good.
        if purpose != .administration {
            settings.append("-c plan_cache_mode=force_generic_plan")
            settings += ["seqscan", "bitmapscan", "hashjoin", "mergejoin", "memoize"].map {
                "-c enable_\($0)=off"
            }
        }
        if let options = given["options"] { settings.insert(options, at: 0) }
        // PostgreSQL assumes a disk that seeks by default, and would scan a table of a few hundred doctors to find
        // one. The URL can override this.
        settings.insert("-c random_page_cost=1.1", at: 0)
        let pairs = [
            ("application_name", "clinicd"),
            ("target_session_attrs", servers),
            ("keepalives", "1"), ("keepalives_idle", "10"), ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", "10000"),
            ("connect_timeout", "\(max(2, configuration.connectTimeout.components.seconds))"),
            ("dbname", configuration.url),
            ("client_encoding", "UTF8"),
            ("options", settings.joined(separator: " ")),
        ]
        keys = pairs.map(\.0)
        values = pairs.map(\.1)
    }

    /// Whether a server is there that does not accept connections yet (starting up or recovering); may block.
    func serverIsStarting() -> Bool {
        withArrays { keys, values in PQpingParams(keys, values, 1) } == PQPING_REJECT
    }

    /// Whether a server answers at all; blocks for up to `connectTimeout`.
    func serverAnswers() -> Bool {
        let answer = withArrays { keys, values in PQpingParams(keys, values, 1) }
        return answer == PQPING_OK || answer == PQPING_REJECT
    }

    /// Runs the body with the two null-terminated arrays that libpq takes.
    func withArrays<Result>(
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>) -> Result
    ) -> Result {
        let copies = (keys + values).map { text -> UnsafeMutablePointer<CChar> in
            let bytes = text.utf8CString
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
            bytes.withUnsafeBufferPointer { source in
                if let base = source.baseAddress { copy.initialize(from: base, count: source.count) }
            }
            return copy
        }
        defer { for copy in copies { copy.deallocate() } }
        let keyArray = copies.prefix(keys.count).map { UnsafePointer<CChar>?($0) } + [nil]
        let valueArray = copies.suffix(keys.count).map { UnsafePointer<CChar>?($0) } + [nil]
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
