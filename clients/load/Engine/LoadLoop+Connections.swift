// The connections of a loop. All are opened before the run; a lost one is reopened with backoff, and one closed on
// purpose (`--churn`) at once.

internal import NIOCore
internal import NIOPosix
internal import OpenSSL
internal import RPC

extension LoadLoop {
    /// The first and the longest pause before reconnecting, in nanoseconds.
    private static let firstPause: Int64 = 50_000_000
    private static let longestPause: Int64 = 2_000_000_000

    /// Opens all connections; fails with the first error.
    func connect() -> EventLoopFuture<Void> {
        let opening = connections.indices.map { index in open(index) }
        return EventLoopFuture.andAllSucceed(opening, on: eventLoop)
    }

    /// Opens the connection with this index.
    private func open(_ index: Int) -> EventLoopFuture<Void> {
        let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(.seconds(5))
        return openChannel(bootstrap, target).assumeIsolated().flatMapThrowing { channel in
            guard self.phase != .finished else { return channel.close(promise: nil) }
            let connection = LoadConnection(
                index: index, maximumInFlight: self.plan.maximumInFlight, loop: self)
            try channel.pipeline.syncOperations.addHandler(connection)
            self.connections[index] = connection
            self.backoff[index] = 0
            self.freeCapacity += self.plan.maximumInFlight
            self.record.connectionsOpened += 1
            self.connectionsChanged()
        }.nonisolated()
    }

    /// Handles a closed connection: ends its calls and opens another.
    func didLose(_ connection: LoadConnection) {
        guard connections[connection.index] === connection else { return }
        connections[connection.index] = nil
        if !connection.isRetiring { freeCapacity -= plan.maximumInFlight - connection.calls.count }
        guard phase != .finished else { return }
        updateClock()
        if !connection.isRetiring { record.connectionsLost += 1 }
        for call in connection.takeCalls() { endUnanswered(call) }
        if connection.isRetiring { reopen(connection.index) } else { reopenLater(connection.index) }
        connectionsChanged()
    }

    private func reopen(_ index: Int) {
        guard phase != .finished else { return }
        open(index).assumeIsolated().whenFailure { _ in self.reopenLater(index) }
    }

    private func reopenLater(_ index: Int) {
        guard phase != .finished else { return }
        backoff[index] = min(max(Self.firstPause, backoff[index] * 2), Self.longestPause)
        schedule(in: backoff[index]) { self.reopen(index) }
    }

    // MARK: Churn

    /// Retires connections at the churn rate: a retired one gets no more calls and is closed after its last
    /// response.
    func beginChurn() {
        let share = plan.churn * Double(connections.count) / Double(plan.connections)
        guard share > 0 else { return }
        retireNext(after: Int64(1e9 / share), index: 0)
    }

    private func retireNext(after pause: Int64, index: Int) {
        schedule(in: pause) {
            guard self.phase == .running else { return }
            if let connection = self.connections[index], !connection.isRetiring {
                self.freeCapacity -= self.plan.maximumInFlight - connection.calls.count
                connection.isRetiring = true
                if connection.calls.count == 0 { connection.close() }
            }
            self.retireNext(after: pause, index: (index + 1) % self.connections.count)
        }
    }
}

/// Connects to a target, with TLS if its address requires it.
func openChannel(_ bootstrap: ClientBootstrap, _ target: Target) -> EventLoopFuture<any Channel> {
    let connected =
        switch target.address {
        case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
        case .tcp(let host, let port), .tls(let host, let port):
            bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port)
        }
    guard case .tls(let host, _) = target.address, let tls = target.tls else { return connected }
    return connected.flatMap { channel in
        do {
            return try tls.secure(channel, host: host).map { _ in channel }
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }
}
