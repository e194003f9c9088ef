// How a pool starts and ends: its first connections are made or the start fails, and its end waits for what was
// accepted, up to a limit.

internal import Dispatch
internal import Synchronization

extension ConnectionPool {
    /// Makes the connections; throws if the first attempt of one fails.
    func start(connections count: Int) async throws(DatabaseError) {
        var connections: [PooledConnection] = []
        for index in 0..<max(1, count) {
            connections.append(
                try PooledConnection(
                    pool: self, index: index, purpose: purpose, configuration: configuration, logger: logger))
        }
        let all = connections
        state.withLock { state in
            state.slots = all.map { Slot(connection: $0, hasEnded: true) }
            state.lines = Array(repeating: RequestQueue(), count: all.count + 1)
            state.delayEstimators = Array(repeating: QueueDelayEstimator(), count: all.count + 1)
            state.startDeadline = .now + configuration.connectTimeout * 2
        }
        let error = await withUnsafeContinuation { continuation in
            state.withLock { $0.starter = continuation }
            for (index, connection) in all.enumerated() {
                state.withLock { $0.slots[index].hasEnded = false }
                do throws(DatabaseError) {
                    try connection.start()
                } catch {
                    connectionEnded(index)
                    connectionFailed(index, error, isStarting: false)
                }
            }
        }
        if let error {
            await close(within: .zero)
            throw error
        }
    }

    /// True until the first connections are made or have failed.
    var isStarting: Bool { state.withLock { $0.starter != nil } }
    var isClosing: Bool { state.withLock { $0.isClosing } }

    /// True once the connection's thread has nothing more to do.
    func shouldEnd(connection index: Int) -> Bool {
        state.withLock { state in
            guard state.isClosing else { return false }
            if state.isForced || !state.slots[index].isUp { return true }
            return state.waiting == 0 && state.pausing == 0 && state.slots[index].batchesInFlight == 0
        }
    }

    /// Refuses new statements, lets those accepted finish within the time, and closes the connections.
    func close(within limit: Duration) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isOver = state.withLock { state in
                state.isClosing = true
                if state.slots.allSatisfy(\.hasEnded) { return true }
                state.closers.append(continuation)
                return false
            }
            if isOver {
                continuation.resume()
            } else if limit == .zero {
                abandon()
            } else {
                wakeIfClosing()
                let limit = DispatchTimeInterval.milliseconds(Int(clamping: limit.milliseconds))
                DispatchQueue.global().asyncAfter(deadline: .now() + limit) { [self] in abandon() }
            }
        }
    }

    /// Ends without waiting for anything.
    func abandon() {
        state.withLock { state in
            state.isClosing = true
            state.isForced = true
        }
        wakeIfClosing()
    }

    func wakeIfClosing() {
        let connections = state.withLock { $0.isClosing ? $0.slots.map(\.connection) : [] }
        for connection in connections { connection.wake() }
    }

    func connectionEnded(_ index: Int) {
        let (requests, closers) = state.withLock { state in
            state.slots[index].hasEnded = true
            state.slots[index].isUp = false
            guard state.slots.allSatisfy(\.hasEnded) else {
                return ([StatementRequest](), [UnsafeContinuation<Void, Never>]())
            }
            // The slots hold the connections and the connections hold this pool.
            state.slots.removeAll()
            defer { state.closers.removeAll() }
            return (Self.drain(&state), state.closers)
        }
        for request in requests { request.fail(Self.closed) }
        for closer in closers { closer.resume() }
    }
}
