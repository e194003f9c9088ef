// What a session needs for the service's promises to hold, whatever the server, the database and the role have as their
// defaults. A statement sets it, because a connection pooler refuses or drops settings at the start of a connection. The same
// statement reads what cannot be set, see SessionReport.

internal import CPostgreSQL

/// The settings of a session.
struct SessionSettings: Sendable {
    /// Names and values; a value has no single quote or backslash.
    private let settings: [(name: String, value: String)]
    /// Whether a former primary is refused.
    let checksTimeline: Bool
    /// Whether a commit must be on disk before it is answered. Administration sets it, but does not insist.
    private let durability: Durability

    /// How much a session insists on durable commits.
    private enum Durability: Sendable {
        case required
        case wanted
        /// The administrator allows it to be missing; only a connection for writes says so.
        case optional(warns: Bool)
    }

    init(_ configuration: DatabaseConfiguration, purpose: ConnectionPurpose, setsPageCost: Bool) {
        checksTimeline = configuration.checksTimeline
        let searchPath =
            configuration.searchPath.isEmpty ? ["\"$user\"", "public", "pg_temp"] : configuration.searchPath
        let isTraffic = purpose != .administration
        func milliseconds(_ duration: Duration) -> String { isTraffic ? "\(duration.milliseconds)" : "0" }
        settings =
            [
                ("client_encoding", "UTF8"), ("standard_conforming_strings", "on"), ("TimeZone", "UTC"),
                ("DateStyle", "ISO,MDY"), ("IntervalStyle", "postgres"), ("bytea_output", "hex"),
                ("search_path", searchPath.joined(separator: ",")),
                ("default_transaction_isolation", "read committed"),
                ("default_transaction_deferrable", "off"),
                // A read is sent again after a lost connection, so it must not change anything.
                ("default_transaction_read_only", purpose == .reads ? "on" : "off"),
                ("statement_timeout", milliseconds(configuration.statementTimeout)),
                ("lock_timeout", milliseconds(configuration.lockTimeout)),
                ("idle_in_transaction_session_timeout", milliseconds(configuration.idleInTransactionTimeout)),
                // Connections of the pools are idle at night.
                ("idle_session_timeout", "0"),
            ] + (isTraffic ? Self.ofTraffic : [])
            // PostgreSQL assumes a disk that seeks by default, and would scan a table of a few hundred doctors to find one.
            + (setsPageCost ? [("random_page_cost", "1.1")] : []) + configuration.sessionVariables
        if configuration.allowsUnsafeDurability {
            durability = .optional(warns: purpose == .writes)
        } else {
            durability = isTraffic ? .required : .wanted
        }
    }

    /// What only connections for reads and writes have.
    private static let ofTraffic =
        [
            // Ends a statement soon after its client is gone.
            ("client_connection_check_interval", "500"),
            // One plan for all values, which finds rows by index also while a table is so small that the planner takes a
            // scan to be as good.
            ("plan_cache_mode", "force_generic_plan"),
        ] + ["seqscan", "bitmapscan", "hashjoin", "mergejoin", "memoize"].map { ("enable_\($0)", "off") }

    /// A statement that sets everything; its last result is a `SessionReport`.
    ///
    /// - Parameter serverVersion: as PQserverVersion has it.
    func statement(serverVersion: Int32) -> String {
        var settings = settings
        // Of PostgreSQL 17.
        if serverVersion >= 170_000 { settings.append(("transaction_timeout", "0")) }
        var set = settings.map { "pg_catalog.set_config('\($0.name)', '\($0.value)', false)" }
        if setsSynchronousCommit {
            // Who waits for standbys to apply a commit gets more than is needed.
            set.append(
                """
                pg_catalog.set_config('synchronous_commit', case pg_catalog.current_setting('synchronous_commit')
                    when 'remote_apply' then 'remote_apply' else 'on' end, false)
                """)
        }
        return "SELECT \(set.joined(separator: ", ")); \(SessionReport.query)"
    }

    /// Reads the values that `verdict` takes.
    static let durabilityQuery =
        "SELECT " + durable.map { "pg_catalog.current_setting('\($0.name)')" }.joined(separator: ", ")

    /// With a durability that is optional, the session keeps what the URL or the role says.
    private var setsSynchronousCommit: Bool {
        if case .optional = durability { false } else { true }
    }

    /// Settings without which a commit can be lost or a constraint does not hold, with the values that are good.
    static let durable: [(name: String, good: Set<String>)] = [
        ("fsync", ["on"]), ("full_page_writes", ["on"]), ("synchronous_commit", ["on", "remote_apply"]),
        ("session_replication_role", ["origin"]),
    ]

    /// What the server has that makes acknowledged changes unsafe, and whether the session can be used nevertheless.
    enum Verdict: Equatable {
        case good
        case warning(String)
        case refusal(String)
    }

    /// Judges the settings that a session has.
    func verdict(on report: SessionReport) -> Verdict {
        guard let what = Self.faults(in: report.durability) else { return .good }
        return switch durability {
        case .required: .refusal(Self.refusal(of: what))
        case .wanted, .optional(warns: false): .good
        case .optional(warns: true): .warning(what)
        }
    }

    /// Which values are not good, such as `fsync is off`; nil if all are.
    static func faults(in values: [String]) -> String? {
        let bad = zip(durable, values).filter { !$0.good.contains($1) }.map { "\($0.name) is \($1)" }
        return bad.isEmpty ? nil : bad.joined(separator: ", ")
    }

    /// The error for the administrator of a server with these faults.
    static func refusal(of faults: String) -> String {
        "PostgreSQL would lose changes that were acknowledged: \(faults); change that, or start with "
            + "--allow-unsafe-durability"
    }
}
