// A whole clinic in one process: everything between an open database and the listening sockets. The daemon and the tests
// both start it, so that the tests run exactly what users run.

public import Bcrypt
public import ClinicService
internal import ClinicStore
public import Logging
public import Monitoring
public import PostgreSQL
public import RPC

/// The version of everything here.
public let clinicVersion = "0.1.0"

/// A protocol that the server speaks.
public enum ServedProtocol: String, Sendable, CaseIterable {
    /// ttrpc, as containerd has it.
    case ttrpc
    /// gRPC over HTTP/2.
    case grpc
    /// gRPC-Web over HTTP/1.1 and HTTP/2.
    case grpcWeb = "grpc-web"
    /// Connect over HTTP/1.1 and HTTP/2.
    case connect
}

/// Serves a clinic from an open database.
public final class ClinicServer: Sendable {
    /// What a deployment decides about its clinic.
    public struct Configuration: Sendable {
        /// The time zone, the money and the customs.
        public var clinic: ClinicSettings
        /// The keys that sign tokens.
        public var signingKeys: SigningKeys
        /// The threads that hash passwords.
        public var passwords: BcryptPool
        /// How old a cached role and token version of a signed-in caller may be: a person who was signed out or has
        /// another role may still call for so long.
        public var userAccessAge = Duration.seconds(5)
        /// What callers without a token may call (default: every method that needs no sign-in).
        public var anonymousMethods = Set(AnonymousMethod.allCases)
        /// How many days a session lasts at most, however often it is refreshed.
        public var sessionDays: Int64 = 90
        /// How many calls a second a patient, or an address, may make, of the classes that are limited.
        public var rateLimits = RateLimitedCalls.usualRates
        /// Where the data directory is, whose file system's space is on the page of metrics.
        public var dataDirectory: String?
        /// What is spoken on every listener; the first bytes of a connection tell which (default: all).
        public var protocols = ServedProtocol.allCases
        /// The origins whose pages may call, such as `https://clinic.example.org` (default: none).
        public var allowedOrigins: Set<String> = []
        /// The names beside `localhost` under which browsers reach the server (default: none).
        public var hostNames: Set<String> = []
        /// Who may connect and how long calls may take. The server itself sets the domain of errors and the names of
        /// metrics.
        public var transport = ServerConfiguration()

        /// A clinic with the usual limits.
        public init(clinic: ClinicSettings, signingKeys: SigningKeys, passwords: BcryptPool) {
            self.clinic = clinic
            self.signingKeys = signingKeys
            self.passwords = passwords
        }
    }

    private let server: Server
    private let readiness: Readiness
    package let accessLog: AccessLog
    private let pages: ServerPages
    private let followingReadiness: Task<Void, Never>

    /// A server that does not listen yet; from now on its health checks follow the availability of the database, which
    /// stays the caller's to close. Throws when a method of the schema is not served, or `DatabaseError` when no thread
    /// can listen to the database.
    public init(
        _ configuration: Configuration, database: Database, logger: Logger
    ) throws {
        let health = HealthService(services: Readiness.names)
        let registry = MetricsRegistry(families: serverMetricFamilies)
        accessLog = AccessLog(store: Stores(database: database).accessLog, logger: logger)
        server = try makeServer(configuration, database, health, accessLog, logger, registry)
        readiness = Readiness(database: database, health: health)
        pages = ServerPages(
            registry: registry, server: server, database: database, passwords: configuration.passwords,
            readiness: readiness, accessLog: accessLog, dataDirectory: configuration.dataDirectory)
        followingReadiness = Task { [readiness] in await readiness.follow() }
    }

    deinit { followingReadiness.cancel() }

    /// Accepts connections at one more address; returns it with the port that was taken if 0 was asked for.
    ///
    /// A `tls:` address needs a security, which secures each connection before it is served. Throws `ListenError`.
    public func listen(on address: Address, security: ChannelSecurity? = nil) async throws -> Address {
        try await server.listen(on: address, security: security)
    }

    /// Accepts connections at a socket that listens already and was made by somebody else; returns its address. Throws
    /// `ListenError`.
    ///
    /// With a security, each connection is secured before it is served.
    public func listen(onSocket descriptor: Int32, security: ChannelSecurity? = nil) async throws -> Address {
        try await server.listen(onSocket: descriptor, security: security)
    }

    /// Returns when every event loop has had a turn: a loop that hangs does not come to it.
    public func checkEventLoops() async { await server.checkEventLoops() }

    /// The page at /metrics, /healthz or /readyz, of which the last looks at its query; nil for any other path.
    public func page(_ path: String, query: String = "") -> MonitoringPage? { pages.page(path, query: query) }

    /// Ends the server: health checks answer NOT_SERVING, new calls are rejected, and calls in flight end within the
    /// drain time. Returns when every connection is closed; the database stays open.
    public func shutdown() async {
        followingReadiness.cancel()
        await followingReadiness.value
        readiness.end()
        await server.shutdown()
        await accessLog.close()
    }
}
