// How a loop comes by its connections: all before the run begins, again with growing pauses when one is lost, and at once
// when one was closed on purpose (`--churn`).

internal import NIOCore
internal import NIOPosix
internal import OpenSSL
internal import TTRPC

extension LoadLoop {
    /// The pause before the second attempt to connect, and the longest one.
    private static let firstPause: Int64 = 50_000_000
    private static let longestPause: Int64 = 2_000_000_000

    /// Opens all connections; fails with why one could not be.
    func connect() -> EventLoopFuture<Void> {
        let opening = connections.indices.map { seat in open(seat) }
        return EventLoopFuture.andAllSucceed(opening, on: eventLoop)
    }

    /// Opens a connection and gives it its seat.
    private func open(_ seat: Int) -> EventLoopFuture<Void> {
        let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(.seconds(5))
        return openChannel(bootstrap, target).assumeIsolated().flatMapThrowing { channel in
            guard self.phase != .over else { return channel.close(promise: nil) }
            let connection = LoadConnection(
                seat: seat, maximumInFlight: self.plan.maximumInFlight, loop: self)
            try channel.pipeline.syncOperations.addHandler(connection)
            self.connections[seat] = connection
            self.backoff[seat] = 0
            self.room += self.plan.maximumInFlight
            self.record.connectionsOpened += 1
            self.connectionsChanged()
        }.nonisolated()
    }

    /// Forgets a connection that has ended, ends its calls and opens another.
    func lost(_ connection: LoadConnection) {
        guard connections[connection.seat] === connection else { return }
        connections[connection.seat] = nil
        if !connection.isRetiring { room -= plan.maximumInFlight - connection.calls.count }
        guard phase != .over else { return }
        wake()
        if !connection.isRetiring { record.connectionsLost += 1 }
        for call in connection.takeCalls() { cutOff(call) }
        if connection.isRetiring { reopen(connection.seat) } else { reopenLater(connection.seat) }
        connectionsChanged()
    }

    private func reopen(_ seat: Int) {
        guard phase != .over else { return }
        open(seat).assumeIsolated().whenFailure { _ in self.reopenLater(seat) }
    }

    private func reopenLater(_ seat: Int) {
        guard phase != .over else { return }
        backoff[seat] = min(max(Self.firstPause, backoff[seat] * 2), Self.longestPause)
        schedule(in: backoff[seat]) { self.reopen(seat) }
    }

    // MARK: Churn

    /// Retires a connection now and again: it gets no more calls and is closed after its last answer.
    func beginChurn() {
        let share = plan.churn * Double(connections.count) / Double(plan.connections)
        guard share > 0 else { return }
        retireNext(after: Int64(1e9 / share), seat: 0)
    }

    private func retireNext(after pause: Int64, seat: Int) {
        schedule(in: pause) {
            guard self.phase == .running else { return }
            if let connection = self.connections[seat], !connection.isRetiring {
                self.room -= self.plan.maximumInFlight - connection.calls.count
                connection.isRetiring = true
                if connection.calls.count == 0 { connection.close() }
            }
            self.retireNext(after: pause, seat: (seat + 1) % self.connections.count)
        }
    }
}

/// Connects to a target, and makes the channel secure if it is to be.
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
