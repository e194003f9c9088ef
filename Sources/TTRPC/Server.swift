// The server: listeners, the connections they accept, and the orderly end of both. What happens on a connection
// is in ServerConnection; what a listener needs of the operating system is in UnixSocket.

public import CoreMetrics
public import Logging
public import NIOCore
internal import NIOPosix
internal import Synchronization

/// Serves a table of methods on any number of addresses.
public final class Server: Sendable {
    private struct State {
        var listeners: [Listener] = []
        var isShutDown = false
    }

    private struct Listener {
        var channel: any Channel
        var socketFile: UnixSocketFile?
    }

    let shared: ServerShared
    let connections: ConnectionRegistry
    private let group: any EventLoopGroup
    private let executors: [ObjectIdentifier: EventLoopExecutor]
    /// By event loop.
    private let methods: [ObjectIdentifier: MethodTable]
    private let state = Mutex(State())

    /// A server that does not listen yet. The event loops stay the caller's. What it counts goes to `metrics`.
    public init(
        methods: MethodTable, configuration: ServerConfiguration = ServerConfiguration(),
        group: any EventLoopGroup, logger: Logger, metrics: any MetricsFactory = NOOPMetricsHandler.instance
    ) {
        shared = ServerShared(
            methods: methods, configuration: configuration, logger: logger, metrics: metrics)
        connections = ConnectionRegistry(configuration: configuration)
        self.group = group
        executors = EventLoopExecutor.all(of: group, aroundTurns: configuration.aroundTurns)
        self.methods = executors.mapValues { _ in methods.copy() }
    }

    /// Runs the body, and wakes afterwards, once, each event loop on which it has resumed handlers: for a thread that
    /// resumes many.
    public static func wakingLoopsTogether(_ resumeHandlers: () -> Void) {
        WakeUps.hold(resumeHandlers)
    }

    /// Begins to accept connections; returns the address with the port that was taken if 0 was asked for.
    ///
    /// The file of a Unix socket gets mode 0660 and is removed by `shutdown()`; one that is left over from a
    /// process that is gone is replaced. With a security every connection is served only once that has made it
    /// secure; a `tls:` address cannot be listened on without. Throws `ListenError`, which is one line for a person.
    public func listen(on address: Address, security: ChannelSecurity? = nil) async throws -> Address {
        let listener: Listener
        let bound: Address
        switch address {
        case .unix(let path):
            let socket = try UnixSocket.listening(at: path)
            do {
                let channel = try await bootstrap(security).withBoundSocket(socket.descriptor).get()
                listener = Listener(channel: channel, socketFile: socket.file)
            } catch {
                socket.file.remove()
                throw ListenError(address, error)
            }
            bound = address
        case .tcp(let host, let port):
            let channel = try await listen(on: address, host, port, security)
            listener = Listener(channel: channel, socketFile: nil)
            bound = .tcp(host: host, port: channel.localAddress?.port ?? port)
        case .tls(let host, let port):
            guard security != nil else { throw ListenError(address, reason: "nothing makes it secure") }
            let channel = try await listen(on: address, host, port, security)
            listener = Listener(channel: channel, socketFile: nil)
            bound = .tls(host: host, port: channel.localAddress?.port ?? port)
        }
        let isShutDown = state.withLock { state in
            if !state.isShutDown { state.listeners.append(listener) }
            return state.isShutDown
        }
        if isShutDown {
            await stop(listener)
            throw ListenError(address, reason: "the server has been shut down")
        }
        return bound
    }

    /// Ends the server: accepts no more, closes idle connections, answers new requests with UNAVAILABLE, lets
    /// calls in flight end within the drain time and answers the rest with CANCELLED. Returns when every
    /// connection is closed.
    public func shutdown() async {
        let listeners = state.withLock { state in
            state.isShutDown = true
            defer { state.listeners = [] }
            return state.listeners
        }
        for listener in listeners { await stop(listener) }
        connections.drain()
        let drainTimer = group.any().scheduleTask(in: shared.drainTime) { self.connections.cancelAndClose() }
        await connections.waitUntilEmpty()
        drainTimer.cancel()
    }

    /// Makes a channel serve the methods if its user may connect.
    private func admit(_ channel: any Channel, _ security: ChannelSecurity?) -> EventLoopFuture<Void> {
        let allowed = shared.configuration.allowedUserIDs
        guard !allowed.isEmpty, channel.remoteAddress?.ipAddress == nil else {
            return serve(channel, security: security)
        }
        return PeerCredentials.of(channel).flatMap { credentials in
            if let credentials, allowed.contains(credentials.userID) {
                return self.serve(channel, security: security)
            }
            self.shared.limitedLog.notice(
                .forbiddenUser, ["user": "\(credentials.map { "\($0.userID)" } ?? "unknown")"])
            self.shared.metrics.connectionRefused("forbidden_user")
            return channel.close()
        }
    }

    /// Makes a channel serve the methods. On the channel's event loop, which must be one of the server's group.
    package func serve(_ channel: any Channel, security: ChannelSecurity? = nil) -> EventLoopFuture<Void> {
        let host = channel.remoteAddress?.ipAddress
        let number: UInt64
        switch connections.open(host: host) {
        case .success(let opened): number = opened
        case .failure(.draining):
            shared.metrics.connectionRefused("draining")
            return channel.close()
        case .failure(.full):
            shared.limitedLog.notice(.tooManyConnections, ["host": "\(host ?? "unix")"])
            shared.metrics.connectionRefused("too_many_connections")
            return channel.close()
        }
        guard let executor = executors[ObjectIdentifier(channel.eventLoop)] else {
            connections.close(number, host: host)
            return channel.close()
        }
        shared.metrics.connectionAccepted()
        channel.closeFuture.whenComplete { _ in self.connections.close(number, host: host) }
        guard let security else {
            return channel.eventLoop.makeCompletedFuture {
                try self.serve(channel, number, identity: nil, executor)
            }
        }
        connections.setSecuring(channel, for: number)
        secure(channel, by: security, within: shared.handshakeTime).whenComplete { result in
            do {
                let identity = try result.get()
                try self.checkName(of: identity)
                try self.serve(channel, number, identity: identity, executor)
            } catch {
                channel.close(promise: nil)
                self.shared.limitedLog.notice(
                    .notSecured, ["host": "\(host ?? "unix")", "cause": "\(error)"])
                self.shared.metrics.connectionClosed(.gaveUp(.notSecured))
            }
        }
        return channel.eventLoop.makeSucceededVoidFuture()
    }

    private func checkName(of identity: Peer.Identity?) throws {
        let allowed = shared.configuration.allowedPeerNames
        guard allowed.isEmpty || identity?.isOne(of: allowed) == true else { throw ForbiddenName() }
    }

    private func serve(
        _ channel: any Channel, _ number: UInt64, identity: Peer.Identity?, _ executor: EventLoopExecutor
    ) throws {
        let peer = Peer(address: channel.remoteAddress, identity: identity, connection: number)
        let connection = ServerConnection(
            server: shared, methods: methods[ObjectIdentifier(executor.eventLoop)] ?? shared.methods,
            executor: executor, peer: peer)
        try channel.pipeline.syncOperations.addHandler(connection)
        connections.set(connection, for: number)
    }

    private func listen(
        on address: Address, _ host: String, _ port: Int, _ security: ChannelSecurity?
    ) async throws -> any Channel {
        do {
            let socketAddress = try SocketAddress.makeAddressResolvingHost(host, port: port)
            return try await bootstrap(security)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .bind(to: socketAddress).get()
        } catch {
            throw ListenError(address, error)
        }
    }

    private func bootstrap(_ security: ChannelSecurity?) -> ServerBootstrap {
        let unsent = shared.configuration.maximumUnsentBytes
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: (unsent + 3) / 4, high: unsent))
            .childChannelInitializer { channel in self.admit(channel, security) }
    }

    private func stop(_ listener: Listener) async {
        listener.socketFile?.remove()
        try? await listener.channel.close()
    }
}
