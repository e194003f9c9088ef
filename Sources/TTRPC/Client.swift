// The client: one connection, any number of calls on it, responses in any order. It does not reconnect: only the
// caller knows what may be repeated, and `Status.transportFailure` tells whether a call may have had its effect.

internal import Glibc
public import NIOCore
internal import NIOPosix
public import ProtobufC
public import RPC
internal import TTRPCMessages

/// A connection to a ttrpc server. It is closed by `close()` or with its last reference.
public final class Client: Sendable {
    let channel: any Channel
    let connection: ClientConnection

    private init(channel: any Channel, connection: ClientConnection) {
        self.channel = channel
        self.connection = connection
    }

    deinit {
        channel.close(promise: nil)
    }

    /// Connects to a server; throws UNAVAILABLE with what to do about it. A `tls:` address needs a security.
    ///
    /// The caller owns the event loops; without any, SwiftNIO's loops of the process are used.
    public static func connect(
        to address: Address, configuration: ClientConfiguration = ClientConfiguration(),
        security: ChannelSecurity? = nil, group: (any EventLoopGroup)? = nil
    ) async throws(Status) -> Client {
        if case .tls = address, security == nil {
            throw Status(.neverSent, "cannot connect to \(address): nothing makes it secure")
        }
        let eventLoop = (group ?? MultiThreadedEventLoopGroup.singleton).any()
        let connection = ClientConnection(
            address: address, configuration: configuration,
            executor: EventLoopExecutor(eventLoop: eventLoop))
        let time = TimeAmount(bounded: configuration.connectTimeout)
        let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(time)
        do {
            let local = try configuration.localHost.map { try SocketAddress(ipAddress: $0, port: 0) }
            let connected =
                switch address {
                case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
                case .tcp(let host, let port), .tls(let host, let port):
                    (local.map { bootstrap.bind(to: $0) } ?? bootstrap).channelOption(
                        .tcpOption(.tcp_nodelay), value: 1
                    ).usingTCPKeepalive()
                        .connect(host: host, port: port)
                }
            let channel = try await connected.flatMap { channel in
                guard let security else { return channel.eventLoop.makeSucceededFuture(channel) }
                return secure(channel, by: security, within: time).map { _ in channel }
            }.flatMapThrowing { channel in
                guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
                try channel.pipeline.syncOperations.addHandler(connection)
                return channel
            }.get()
            return Client(channel: channel, connection: connection)
        } catch {
            var status = error as? Status ?? Status(.neverSent, connectReason(error))
            status.message = "cannot connect to \(address): \(status.message)"
            status.transportFailure = .neverSent
            throw status
        }
    }

    /// The executor of the connection. Tasks that prefer it make calls without a hop to another thread.
    public var executor: any TaskExecutor { connection.executor }

    /// Calls a method and waits for its response.
    ///
    /// Throws the status that the server sent; DEADLINE_EXCEEDED when the timeout has passed, CANCELLED when
    /// the calling task is cancelled, and UNAVAILABLE with `transportFailure` when the connection fails. After a
    /// timeout or a cancellation the server may still execute the call.
    public func call<Request, Response>(
        _ method: Method<Request, Response>, _ request: Request, metadata: Metadata = [:],
        timeout: Duration? = nil
    ) async throws(Status) -> Response {
        let answer = try await call(
            service: method.service, method: method.name, payload: request.encoded(), metadata: metadata,
            timeout: timeout)
        do {
            return try Response(decoding: answer, limits: .client)
        } catch {
            throw Status(.internal, "the server's answer is not a \(Response.descriptor.name): \(error)")
        }
    }

    /// Calls a method by its names with an encoded request; returns the encoded response. Throws as above.
    public func call(
        service: String, method: String, payload: [UInt8], metadata: Metadata = [:], timeout: Duration? = nil
    ) async throws(Status) -> [UInt8] {
        let timeout = timeout.map { TimeAmount(bounded: $0) }
        if let timeout, timeout.nanoseconds == 0 { throw Self.deadlineIsOver }
        let request = TTRPCRequest(
            service: service, method: method, payload: payload, timeoutNano: timeout?.nanoseconds ?? 0,
            metadata: metadata.sent)
        let call = ClientCall(deadline: timeout.map { .now() + $0 })
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                call.wait(continuation)
                request.withEncoded { connection.submit(call, $0) }
                // A task that was cancelled before the call was submitted has run the cancellation handler already.
                if Task.isCancelled { connection.cancel(call) }
            }
        } onCancel: {
            connection.cancel(call)
        }
        return try outcome.get()
    }

    /// Closes the connection. Calls in flight fail with UNAVAILABLE.
    public func close() async {
        let connection = connection
        connection.executor.eventLoop.execute {
            connection.fail(Status(.neverSent, "the client was closed"))
        }
        try? await channel.close()
    }

    static var deadlineIsOver: Status {
        var status = Status(.deadlineExceeded, "the time allowed was over before the call was sent")
        status.transportFailure = .neverSent
        return status
    }

    private static func connectReason(_ error: any Error) -> String {
        switch error {
        case let error as IOError: reason(errorNumber: error.errnoCode)
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { connectReason($0.error) } ?? "unknown host \(error.host)"
        case SocketAddressError.unixDomainSocketPathTooLong:
            "the path of a Unix socket is at most \(Address.maximumPathBytes) bytes long"
        case ChannelError.ioOnClosedChannel: "the server closed the connection at once"
        case ChannelError.connectTimeout: "no answer in time; is the address right?"
        default: "\(error)"
        }
    }

    private static func reason(errorNumber: CInt) -> String {
        switch errorNumber {
        case ECONNREFUSED: "nothing listens there; is the server running?"
        case ENOENT: "there is no such socket; is the server running, and is this its address?"
        case EACCES, EPERM: "permission denied; the socket is open to its owner and group only"
        case ETIMEDOUT, EHOSTUNREACH, ENETUNREACH: "the host cannot be reached; is the address right?"
        default: String(cString: strerror(errorNumber))
        }
    }
}

extension Metadata {
    /// The metadata as it is sent.
    var sent: [TTRPCKeyValue] { map { TTRPCKeyValue(key: $0.key, value: $0.value) } }
}
