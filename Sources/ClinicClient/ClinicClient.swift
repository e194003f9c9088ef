// The typed client of the clinic. It adds authentication, idempotency keys and safe retries to plain RPC calls, and
// connects and reconnects automatically.

internal import ClinicMessages
public import ProtobufC
public import RPC
internal import RPCMessages
internal import Synchronization
internal import TTRPC

/// A client of a clinic's servers, for any number of concurrent calls. It is connected to one server at a time and
/// connects to the next address when that one is lost or shuts down.
///
/// ```swift
/// let client = ClinicClient(address: .tcp(host: "127.0.0.1", port: 7411))
/// let login = LoginRequest(email: "ada@example.com", password: "correct horse")
/// client.token = try await client.call(UserServiceMethods.login, login).token
/// let mine = try await client.call(BookingServiceMethods.listMyBookings, ListMyBookingsRequest())
/// await client.close()
/// ```
public final class ClinicClient: Sendable {
    /// The servers' addresses.
    public let addresses: ServerAddresses
    let configuration: ClinicClientConfiguration
    let connector: Connector
    private let currentToken: Mutex<String?>

    /// Makes a client of one server; otherwise like `init(addresses:token:configuration:)`.
    public convenience init(
        address: Address, token: String? = nil,
        configuration: ClinicClientConfiguration = ClinicClientConfiguration()
    ) {
        self.init(addresses: ServerAddresses(address), token: token, configuration: configuration)
    }

    /// Makes a client that connects with its first call. `token` is the access token that Login returned, or nil.
    public init(
        addresses: ServerAddresses, token: String? = nil,
        configuration: ClinicClientConfiguration = ClinicClientConfiguration()
    ) {
        self.addresses = addresses
        self.configuration = configuration
        connector = Connector(addresses: addresses, tls: configuration.tls)
        currentToken = Mutex(token)
    }

    /// The access token of subsequent calls; nil makes unauthenticated calls.
    public var token: String? {
        get { currentToken.withLock { $0 } }
        set { currentToken.withLock { $0 = newValue } }
    }

    /// Calls a method and returns its response.
    ///
    /// An UNAVAILABLE call is retried within the timeout and the policy if a retry is safe: the method has no side
    /// effects, or the call has an idempotency key, or the request was never sent, or a server that is shutting
    /// down rejected it. A `tls:` server with an untrusted certificate is not retried (UNAVAILABLE with the reason
    /// SERVER_NOT_TRUSTED).
    ///
    /// Throws the last `Status`: the server's, or DEADLINE_EXCEEDED, CANCELLED or UNAVAILABLE from the client
    /// itself.
    public func call<Request, Response>(
        _ method: Method<Request, Response>, _ request: Request, options: CallOptions = CallOptions()
    ) async throws(Status) -> Response {
        let response = try await call(
            UntypedCall(method.service, method.name, method.hasSideEffects, request.encoded()), options)
        do {
            return try Response(decoding: response, limits: .client)
        } catch {
            throw Status(.internal, "the server's response is not a \(Response.descriptor.name): \(error)")
        }
    }

    /// Calls a method whose message types are only known at run time, with an encoded request, and returns the
    /// encoded response; otherwise like `call(_:_:options:)`.
    public func call(
        _ method: AnyMethod, payload: [UInt8], options: CallOptions = CallOptions()
    ) async throws(Status) -> [UInt8] {
        try await call(UntypedCall(method.service, method.name, method.hasSideEffects, payload), options)
    }

    /// Closes the connection. Pending calls fail; later calls fail with FAILED_PRECONDITION.
    public func close() async {
        await connector.close()
    }

    private struct UntypedCall {
        let service: String
        let method: String
        let hasSideEffects: Bool
        let payload: [UInt8]

        init(_ service: String, _ method: String, _ hasSideEffects: Bool, _ payload: [UInt8]) {
            self.service = service
            self.method = method
            self.hasSideEffects = hasSideEffects
            self.payload = payload
        }

        /// Whether the method is for callers without a valid token.
        var isForAnonymousCallers: Bool {
            service == UserServiceMethods.login.service
                && [
                    UserServiceMethods.login.name, UserServiceMethods.createUser.name,
                    UserServiceMethods.refreshToken.name,
                    UserServiceMethods.requestPasswordReset.name, UserServiceMethods.resetPassword.name,
                ].contains(method)
        }
    }

    private func call(_ call: UntypedCall, _ options: CallOptions) async throws(Status) -> [UInt8] {
        let deadline = ContinuousClock.now.advanced(by: options.timeout ?? configuration.timeout)
        let token = options.sendsToken ?? !call.isForAnonymousCallers ? self.token : nil
        // All attempts use the same key, so that the server executes the call once.
        let key =
            options.idempotencyKey ?? (call.hasSideEffects && token != nil ? IdempotencyKey.random() : nil)
        var metadata = options.metadata
        if let token { metadata.append("Bearer \(token)", for: "authorization") }
        if let key { metadata.append(key, for: "idempotency-key") }
        // The server honours keys of authenticated callers only.
        let isRetryable = !call.hasSideEffects || (key != nil && token != nil)

        var attempts = 0
        while true {
            attempts += 1
            let failure: Failure
            switch await attempt(call, metadata, deadline) {
            case .success(let response): return response
            case .failure(let error): failure = error
            }
            guard failure.isTransient, configuration.retryPolicy.allowsAttempt(after: attempts),
                isRetryable || failure.hadNoEffect
            else { throw failure.status }
            try await pause(after: failure, attempts, until: deadline)
        }
    }

    struct Failure: Error {
        let status: Status
        /// Whether a reused connection turned out to be dead, which says nothing about the server.
        let foundDeadConnection: Bool
        /// The reason of the wire protocol, if the server gave one.
        let reason: RejectionReason?

        init(_ status: Status, foundDeadConnection: Bool = false) {
            self.status = status
            self.foundDeadConnection = foundDeadConnection
            reason = status.errorInfo.flatMap { RejectionReason(rawValue: $0.reason) }
        }

        /// Whether a retry may succeed.
        var isTransient: Bool {
            (status.code == .unavailable || isShutdown) && !status.isServerNotTrusted
        }
        /// Whether the server is shutting down, so that a new connection may reach another server.
        var isShutdown: Bool { reason == .shuttingDown || reason == .cancelledByShutdown }
        /// Whether the server certainly did not execute the call.
        var hadNoEffect: Bool { status.transportFailure == .neverSent || reason == .shuttingDown }
    }

    /// Makes one attempt.
    private func attempt(
        _ call: UntypedCall, _ metadata: Metadata, _ deadline: ContinuousClock.Instant
    ) async -> Result<[UInt8], Failure> {
        let connection: Connector.Connection
        do throws(Status) {
            let timeout = min(configuration.connectTimeout, ContinuousClock.now.duration(to: deadline))
            connection = try await connector.connection(timeout: timeout)
        } catch {
            return .failure(Failure(error))
        }
        do throws(Status) {
            return .success(
                try await connection.client.call(
                    service: call.service, method: call.method, payload: call.payload, metadata: metadata,
                    timeout: ContinuousClock.now.duration(to: deadline)))
        } catch {
            let isConnectionLost = error.code == .unavailable && error.transportFailure != nil
            let failure = Failure(
                error,
                foundDeadConnection: isConnectionLost && connection.isReused
                    && error.transportFailure == .neverSent)
            if isConnectionLost || failure.isShutdown { connector.discard(connection.client) }
            return .failure(failure)
        }
    }

    /// Waits as long as the policy and the server require; throws the failure if that would exceed the deadline.
    func pause(
        after failure: Failure, _ attempts: Int, until deadline: ContinuousClock.Instant
    ) async throws(Status) {
        var pause = configuration.retryPolicy.pause(afterAttempts: attempts)
        if failure.foundDeadConnection || failure.isShutdown, attempts == 1 { pause = .zero }
        if let requested = failure.status.retryInfo?.retryDelay {
            pause = max(pause, .seconds(requested.seconds) + .nanoseconds(Int64(requested.nanos)))
        }
        guard ContinuousClock.now.advanced(by: pause) < deadline else { throw failure.status }
        configuration.retryPolicy.willRetry?(failure.status)
        do {
            try await Task.sleep(for: pause)
        } catch {
            throw Status(.cancelled, "the call was cancelled")
        }
    }
}
