// How fast statements leave a queue, to tell how long another would wait in it. That is seen only while something waits:
// then the connections take as much as the server is good for. So it is measured anew whenever the queue has been empty,
// and a batch that is soon through meets nothing.

internal import Synchronization

/// The pace of a queue since it last was empty.
struct QueueDelayEstimator {
    /// How far back it is measured at most, when somebody asks again and again.
    private static let memory = Duration.seconds(2)

    private var start: ContinuousClock.Instant
    /// The statements that have left the queue since then.
    private var taken = 0

    init(since start: ContinuousClock.Instant = .now) { self.start = start }

    mutating func take() { taken &+= 1 }

    /// Whether the last of so many that wait will have waited longer than the limit. That is told of a queue that has been
    /// there for as long itself: the first batches of a crowd are small and slow. Of a server that has not taken any yet
    /// nothing is known: it has until the end of `patience`.
    mutating func delays(_ waiting: Int, beyond limit: Duration, patience: Duration) -> Bool {
        guard waiting > 0 else { return false }
        let time = ContinuousClock.now - start
        guard taken > 0 else { return time > patience }
        guard time > limit else { return false }
        defer {
            if time > Self.memory {
                start += time / 2
                taken = max(1, taken / 2)
            }
        }
        return time * (Double(waiting) / Double(taken)) > limit
    }
}

extension ConnectionPool {
    /// Whether another statement would wait no longer than `longestWait`. If not, that counts as a request refused.
    ///
    /// - Parameter isPointRead: whether it is a quick read. They have a connection of their own, and hence a pace.
    func admits(isPointRead: Bool) -> Bool {
        state.withLock { state in
            // Without a connection they wait for another, which says nothing about the pace.
            guard state.health == .up else { return true }
            let queue = isPointRead ? 0 : state.lines.count - 1
            let isSlow = state.delayEstimators[queue].delays(
                state.waiting(in: queue, purpose), beyond: configuration.longestWait,
                patience: configuration.outageTolerance)
            if isSlow { state.statistics.refused &+= 1 }
            return !isSlow
        }
    }
}

extension ConnectionPool.State {
    /// The queue that a line belongs to. All changes are in one: which line a request is going to take is not known before it
    /// has begun.
    private func queue(of line: Int, _ purpose: ConnectionPurpose) -> Int {
        purpose == .reads ? line : lines.count - 1
    }

    fileprivate func waiting(in queue: Int, _ purpose: ConnectionPurpose) -> Int {
        purpose == .reads ? lines[queue].count : waiting
    }

    /// A statement has joined a line, and waits there.
    mutating func noteWait(in line: Int, _ purpose: ConnectionPurpose, since time: ContinuousClock.Instant) {
        let queue = queue(of: line, purpose)
        if waiting(in: queue, purpose) == 1 { delayEstimators[queue] = QueueDelayEstimator(since: time) }
    }

    /// A statement has left a line for a connection.
    mutating func noteTaken(from line: Int, _ purpose: ConnectionPurpose) {
        delayEstimators[queue(of: line, purpose)].take()
    }
}
