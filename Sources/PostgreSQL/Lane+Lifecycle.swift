// How a lane starts and ends: its first connections are made or the start fails, and its end waits for what was
// accepted, up to a limit.

internal import Dispatch
internal import Synchronization

extension Lane {
    /// Makes the connections; throws if the first attempt of one fails.
    func start(connections: Int) async throws(DatabaseError) {
        var links: [Link] = []
        for index in 0..<max(1, connections) {
            links.append(
                try Link(
                    lane: self, index: index, purpose: purpose, configuration: configuration, logger: logger))
        }
        let all = links
        state.withLock { state in
            state.slots = all.map { Slot(link: $0, hasEnded: true) }
            state.lines = Array(repeating: WaitingLine(), count: all.count + 1)
            state.backlogs = Array(repeating: Backlog(), count: all.count + 1)
            state.startDeadline = .now + configuration.connectTimeout * 2
        }
        let error = await withUnsafeContinuation { continuation in
            state.withLock { $0.starter = continuation }
            for (index, link) in all.enumerated() {
                state.withLock { $0.slots[index].hasEnded = false }
                do throws(DatabaseError) {
                    try link.start()
                } catch {
                    linkEnded(index)
                    linkFailed(index, error, isStarting: false)
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

    /// True once the link's thread has nothing more to do.
    func shouldEnd(link index: Int) -> Bool {
        state.withLock { state in
            guard state.isClosing else { return false }
            if state.isForced || !state.slots[index].isUp { return true }
            return state.waiting == 0 && state.pausing == 0 && state.slots[index].groupsInFlight == 0
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
        let links = state.withLock { $0.isClosing ? $0.slots.map(\.link) : [] }
        for link in links { link.wake() }
    }

    func linkEnded(_ index: Int) {
        let (calls, closers) = state.withLock { state in
            state.slots[index].hasEnded = true
            state.slots[index].isUp = false
            guard state.slots.allSatisfy(\.hasEnded) else {
                return ([Call](), [UnsafeContinuation<Void, Never>]())
            }
            // The slots hold the links and the links hold this lane.
            state.slots.removeAll()
            defer { state.closers.removeAll() }
            return (Self.drain(&state), state.closers)
        }
        for call in calls { call.fail(Self.closed) }
        for closer in closers { closer.resume() }
    }
}
