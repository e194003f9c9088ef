// The typed client of the clinic: over the bare calls of TTRPC it adds who is calling, a key on every change, and the
// repetition of what can be repeated without harm. It connects by itself, and again when the connection is lost.

internal import ClinicMessages
public import ProtobufC
internal import Synchronization
public import TTRPC
internal import TTRPCMessages

/// A client of one clinic, for any number of calls at the same time.
public final class ClinicClient: Sendable {
    /// Where the server is.
    public let address: Address
    let configuration: ClinicClientConfiguration
    let connector: Connector
    private let currentToken: Mutex<String?>

    /// A client that connects with its first call. The token is what Login answered, nil before.
    public init(
        address: Address, token: String? = nil,
        configuration: ClinicClientConfiguration = ClinicClientConfiguration()
    ) {
        self.address = address
        self.configuration = configuration
        connector = Connector(address: address, tls: configuration.tls)
        currentToken = Mutex(token)
    }

    /// The token of the calls that begin from now on; nil calls as nobody.
    public var token: String? {
        get { currentToken.withLock { $0 } }
        set { currentToken.withLock { $0 = newValue } }
    }

    /// Calls a method and waits for its response.
    ///
    /// UNAVAILABLE is tried again, within the timeout and the policy, where that can do no harm: a method without
    /// side effects, one whose key keeps it from happening twice, one whose request has not left this process or was
    /// refused by a server that is going down. A `tls:` server with a wrong certificate is not tried again
    /// (UNAVAILABLE with the reason SERVER_NOT_TRUSTED).
    /// Throws the last status: the server's, or DEADLINE_EXCEEDED, CANCELLED or UNAVAILABLE of the client itself.
    public func call<Request, Response>(
        _ method: Method<Request, Response>, _ request: Request, options: CallOptions = CallOptions()
    ) async throws(Status) -> Response {
        let answer = try await call(
            Call(method.service, method.name, method.hasSideEffects, request.encoded()), options)
        do {
            return try Response(decoding: answer, limits: .client)
        } catch {
            throw Status(.internal, "the server's answer is not a \(Response.descriptor.name): \(error)")
        }
    }

    /// Calls a method whose types are known at run time only, with an encoded request; returns the encoded
    /// response. Otherwise as above.
    public func call(
        _ method: AnyMethod, payload: [UInt8], options: CallOptions = CallOptions()
    ) async throws(Status) -> [UInt8] {
        try await call(Call(method.service, method.name, method.hasSideEffects, payload), options)
    }

    /// Closes the connection. Calls that wait for an answer fail, later ones with FAILED_PRECONDITION.
    public func close() async {
        await connector.close()
    }

    private struct Call {
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

        /// Whether the method is for those who have no token, or none that still counts.
        var isSigningIn: Bool {
            service == UserServiceMethods.login.service
                && [
                    UserServiceMethods.login.name, UserServiceMethods.createUser.name,
                    UserServiceMethods.refreshToken.name,
                ].contains(method)
        }
    }

    private func call(_ call: Call, _ options: CallOptions) async throws(Status) -> [UInt8] {
        let deadline = ContinuousClock.now.advanced(by: options.timeout ?? configuration.timeout)
        let token = options.sendsToken ?? !call.isSigningIn ? self.token : nil
        // One key for all attempts: it is what makes them one call.
        let key =
            options.idempotencyKey ?? (call.hasSideEffects && token != nil ? IdempotencyKey.random() : nil)
        var metadata = options.metadata
        if let token { metadata.append("Bearer \(token)", for: "authorization") }
        if let key { metadata.append(key, for: "idempotency-key") }
        // Keys belong to signed-in callers: the server does not look at that of anybody else.
        let isRepeatable = !call.hasSideEffects || (key != nil && token != nil)

        var attempts = 0
        while true {
            attempts += 1
            let failure: Failure
            switch await attempt(call, metadata, deadline) {
            case .success(let answer): return answer
            case .failure(let error): failure = error
            }
            guard failure.isPassing, attempts < configuration.retryPolicy.maximumAttempts,
                isRepeatable || failure.hasHadNoEffect
            else { throw failure.status }
            try await pause(after: failure, attempts, until: deadline)
        }
    }

    struct Failure: Error {
        let status: Status
        /// Whether the call found its connection dead, which says nothing about the server.
        let foundDeadConnection: Bool
        /// The wire's own reason, if the server said one.
        let reason: WireReason?

        init(_ status: Status, foundDeadConnection: Bool = false) {
            self.status = status
            self.foundDeadConnection = foundDeadConnection
            reason = status.errorInfo.flatMap { WireReason(rawValue: $0.reason) }
        }

        /// Whether the same call may well succeed a little later.
        var isPassing: Bool {
            (status.code == .unavailable || isOfShutdown) && !status.isOfUntrustedServer
        }
        /// Whether the server is going down, so that another connection will do better.
        var isOfShutdown: Bool { reason == .shuttingDown || reason == .cancelledByShutdown }
        /// Whether the call is known not to have been begun.
        var hasHadNoEffect: Bool { status.transportFailure == .neverSent || reason == .shuttingDown }
    }

    /// Sends the call once.
    private func attempt(
        _ call: Call, _ metadata: Metadata, _ deadline: ContinuousClock.Instant
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
            let isLost = error.code == .unavailable && error.transportFailure != nil
            let failure = Failure(
                error,
                foundDeadConnection: isLost && connection.isReused && error.transportFailure == .neverSent)
            if isLost || failure.isOfShutdown { connector.discard(connection.client) }
            return .failure(failure)
        }
    }

    /// Waits as long as the policy and the server want it; throws the failure if that goes beyond the deadline.
    func pause(
        after failure: Failure, _ attempts: Int, until deadline: ContinuousClock.Instant
    ) async throws(Status) {
        var pause = configuration.retryPolicy.pause(afterAttempts: attempts)
        if failure.foundDeadConnection || failure.isOfShutdown, attempts == 1 { pause = .zero }
        if let asked = failure.status.retryInfo?.retryDelay {
            pause = max(pause, .seconds(asked.seconds) + .nanoseconds(Int64(asked.nanos)))
        }
        guard ContinuousClock.now.advanced(by: pause) < deadline else { throw failure.status }
        do {
            try await Task.sleep(for: pause)
        } catch {
            throw Status(.cancelled, "the caller gave the call up")
        }
    }
}
