// The server: its listeners, the connections that they accept, and the shutdown of both. Server+Admission decides who may connect,
// ServerConnection serves a connection; UnixSocket has the system calls of a listener.

public import CoreMetrics
public import Logging
public import NIOCore
internal import NIOPosix
internal import Synchronization

/// Serves the methods of a router on any number of addresses.
public final class Server: Sendable {
    private struct State {
        var listeners: [ListeningChannel] = []
        var isShutDown = false
    }

    private struct ListeningChannel {
        var channel: any Channel
        var socketFile: UnixSocketFile?
    }

    let shared: ServerShared
    let connections: ConnectionRegistry
    private let group: any EventLoopGroup
    let executors: [ObjectIdentifier: EventLoopExecutor]
    /// By event loop.
    private let routers: [ObjectIdentifier: Router]
    private let protocols: [WireProtocol]
    /// Make the wire of a connection, by protocol.
    private let makeWires: [@Sendable () -> any ServerWire]
    /// The index in the metrics of each protocol's first name.
    private let firstNames: [Int]
    private let state = Mutex(State())

    /// A server of one protocol, otherwise as below.
    public convenience init(
        router: Router, wire: WireProtocol, configuration: ServerConfiguration = ServerConfiguration(),
        group: any EventLoopGroup, logger: Logger, metrics: any MetricsFactory = NOOPMetricsHandler.instance
    ) {
        self.init(
            router: router, protocols: [wire], configuration: configuration, group: group, logger: logger,
            metrics: metrics)
    }

    /// A server that does not listen yet. The caller owns the event loops and shuts them down. `metrics` makes the counters.
    ///
    /// With several protocols the first bytes of each connection tell which of them it speaks.
    public init(
        router: Router, protocols: [WireProtocol],
        configuration: ServerConfiguration = ServerConfiguration(), group: any EventLoopGroup,
        logger: Logger, metrics: any MetricsFactory = NOOPMetricsHandler.instance
    ) {
        let shared = ServerShared(
            router: router, protocols: protocols.flatMap(\.names), configuration: configuration,
            logger: logger,
            metrics: metrics)
        self.shared = shared
        self.protocols = protocols
        makeWires = protocols.map { $0.makeFactory(shared) }
        firstNames = protocols.indices.map { protocols[..<$0].reduce(0) { $0 + $1.names.count } }
        connections = ConnectionRegistry(configuration: configuration)
        self.group = group
        executors = EventLoopExecutor.all(of: group)
        routers = executors.mapValues { _ in router.copy() }
    }

    /// Begins to accept connections; returns the address, with the chosen port for port 0.
    ///
    /// The file of a Unix socket gets the mode of the configuration and is removed by `shutdown()`; one that a dead process left is
    /// replaced. With a `ChannelSecurity`, a connection is served only after it was secured; a `tls:` address requires one. Throws
    /// `ListenError`.
    public func listen(on address: Address, security: ChannelSecurity? = nil) async throws -> Address {
        let listener: ListeningChannel
        let bound: Address
        switch address {
        case .unix(let path):
            let socket = try UnixSocket.listening(at: path, shared.configuration.socketAccess)
            do {
                let channel = try await bootstrap(security).withBoundSocket(socket.descriptor).get()
                listener = ListeningChannel(channel: channel, socketFile: socket.file)
            } catch {
                socket.file.remove()
                throw ListenError(address, error)
            }
            bound = address
        case .tcp(let host, let port):
            let channel = try await listen(on: address, host, port, security)
            listener = ListeningChannel(channel: channel, socketFile: nil)
            bound = .tcp(host: host, port: channel.localAddress?.port ?? port)
        case .tls(let host, let port):
            guard security != nil else { throw ListenError(address, reason: "nothing makes it secure") }
            let channel = try await listen(on: address, host, port, security)
            listener = ListeningChannel(channel: channel, socketFile: nil)
            bound = .tls(host: host, port: channel.localAddress?.port ?? port)
        }
        try await keep(listener, address)
        return bound
    }

    /// Begins to accept connections at a socket that listens already, such as one that systemd has made; returns its address. The
    /// file of a Unix socket is left in place. With a `ChannelSecurity` each connection is served only after it was secured. Throws
    /// `ListenError`.
    public func listen(onSocket descriptor: Int32, security: ChannelSecurity? = nil) async throws -> Address {
        let address = try InheritedSocket.address(of: descriptor)
        let channel: any Channel
        do {
            var bootstrap = bootstrap(security)
            if case .tcp = address {
                bootstrap = bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            }
            channel = try await bootstrap.withBoundSocket(descriptor).get()
        } catch {
            throw ListenError(address, error)
        }
        try await keep(ListeningChannel(channel: channel, socketFile: nil), address)
        if security != nil, case .tcp(let host, let port) = address { return .tls(host: host, port: port) }
        return address
    }

    /// Returns when every event loop has had a turn.
    public func checkEventLoops() async {
        for loop in group.makeIterator() { try? await loop.submit {}.get() }
    }

    private func keep(_ listener: ListeningChannel, _ address: Address) async throws {
        let isShutDown = state.withLock { state in
            if !state.isShutDown { state.listeners.append(listener) }
            return state.isShutDown
        }
        if isShutDown {
            await stop(listener)
            throw ListenError(address, reason: "the server has been shut down")
        }
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

    /// Serves an admitted channel.
    func serve(
        _ channel: any Channel, _ number: UInt64, _ peer: Peer, _ executor: EventLoopExecutor
    ) throws {
        if makeWires.count == 1 {
            let connection = makeConnection(of: 0, peer, executor)
            try channel.pipeline.syncOperations.addHandler(connection)
            return connections.set(connection, for: number)
        }
        connections.setSecuring(channel, for: number)
        try channel.pipeline.syncOperations.addHandler(
            ProtocolDetector(patience: shared.idleTime) { first in
                for (index, wire) in self.protocols.enumerated() {
                    switch wire.begins(first) {
                    case true?: return .connection(self.makeConnection(of: index, peer, executor))
                    case false?: break
                    // What comes later in the order may begin with the same bytes.
                    case nil: return .needsMoreBytes
                    }
                }
                return .none
            } onDecision: { decision in
                switch decision {
                case .connection(let connection): self.connections.set(connection, for: number)
                case .unknown:
                    self.shared.rateLimitedLogger.notice(.unknownProtocol, ["peer": "\(peer)"])
                    self.shared.metrics.connectionClosed(.violation(.unknownProtocol))
                case .idle: self.shared.metrics.connectionClosed(.idle)
                case .closed: self.shared.metrics.connectionClosed(.byPeer)
                }
            })
    }

    private func makeConnection(
        of index: Int, _ peer: Peer, _ executor: EventLoopExecutor
    ) -> ServerConnection {
        ServerConnection(
            server: shared, router: routers[ObjectIdentifier(executor.eventLoop)] ?? shared.router,
            wire: makeWires[index](), protocolIndex: firstNames[index],
            takesTokensInRequests: protocols[index].takesTokensInRequests, executor: executor, peer: peer)
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

    private func stop(_ listener: ListeningChannel) async {
        listener.socketFile?.remove()
        try? await listener.channel.close()
    }
}
