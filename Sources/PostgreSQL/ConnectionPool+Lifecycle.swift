// How a pool starts and ends: its first connections are made or the start fails, and its end waits for what was accepted, up
// to a limit.

internal import Dispatch
internal import Synchronization

extension ConnectionPool {
    /// Makes the connections; throws if the first attempt of one fails.
    func start() async throws(DatabaseError) {
        var connections: [PooledConnection] = []
        for index in 0..<connectionCount {
            connections.append(try PooledConnection(pool: self, index: index))
        }
        let all = connections
        let error = await withUnsafeContinuation { continuation in
            state.withLock { state in
                state.connections = all
                state.starter = continuation
                state.machine.start(until: .now + configuration.connectTimeout * 2)
                for index in all.indices { state.machine.connectionStarted(index) }
            }
            for (index, connection) in all.enumerated() {
                do throws(DatabaseError) {
                    try connection.start()
                } catch {
                    connectionFailed(error, serverIsStarting: false)
                    connectionEnded(index)
                }
            }
        }
        if let error {
            await close(within: .zero)
            throw error
        }
    }

    /// Whether the first connections are still being made.
    var isStarting: Bool { state.withLock { $0.machine.isStarting } }
    var isClosing: Bool { state.withLock { $0.machine.lifecycle != .open } }

    /// Whether the thread of a connection has nothing more to do.
    func shouldEnd(connection index: Int) -> Bool { state.withLock { $0.machine.shouldEnd(index) } }

    /// Refuses new statements, lets those accepted finish within the time, and closes the connections.
    func close(within limit: Duration) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isOver = state.withLock { state in
                let isOver = state.machine.close()
                if !isOver { state.closers.append(continuation) }
                return isOver
            }
            if isOver {
                continuation.resume()
            } else if limit == .zero {
                forceClose()
            } else {
                wakeIfClosing()
                let limit = DispatchTimeInterval.milliseconds(Int(clamping: limit.milliseconds))
                DispatchQueue.global().asyncAfter(deadline: .now() + limit) { [self] in forceClose() }
            }
        }
    }

    /// Ends without waiting for anything.
    func forceClose() {
        state.withLock { $0.machine.forceClose() }
        wakeIfClosing()
    }

    /// Wakes the threads of a pool that is about to end, to look whether they can.
    func wakeIfClosing() {
        let connections = state.withLock { $0.machine.lifecycle == .open ? [] : $0.connections }
        for connection in connections { connection.wake() }
    }

    /// The thread of a connection has ended.
    func connectionEnded(_ index: Int) {
        let (failed, closers) = state.withLock { state in
            guard let failed = state.machine.connectionEnded(index) else {
                return ([FailedRequest](), [UnsafeContinuation<Void, Never>]())
            }
            state.connections.removeAll()
            defer { state.closers.removeAll() }
            return (failed, state.closers)
        }
        for request in failed { request.deliver() }
        for closer in closers { closer.resume() }
    }
}
