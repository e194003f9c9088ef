// Which connections one key may keep busy while others want some. Turns in the queue are not enough: a connection that works
// at one key's long statements is lost for the others until it is done. So a key that fills half of the connections gets no
// other one while somebody else is about, whose next statement then finds a connection free or soon free.

/// Who has asked lately, and whose statements fill the connections of a pool.
struct ConnectionShares {
    /// How long after its last statement a key counts as wanting a connection.
    static let interest = Duration.seconds(1)
    /// A batch of less cost is over so soon that nobody need be kept from the other connections.
    static let smallestFilling = 16

    private struct Asker {
        var key: UInt64
        var time: ContinuousClock.Instant
    }

    /// The two keys that asked last: whichever of them is in question, the other one is somebody else.
    private var latest: Asker?
    private var previous: Asker?
    /// For each connection, the key that most of its batch belongs to, if it has one that takes long.
    private var fillers: [UInt64?]

    init(connections: Int) {
        fillers = Array(repeating: nil, count: connections)
    }

    /// Whether another key asked last.
    func isNews(_ key: UInt64?) -> Bool { key != nil && key != latest?.key }

    /// A statement with this key arrived. Those without a key are the program's own, for which nobody has to wait.
    mutating func asked(_ key: UInt64?, at time: ContinuousClock.Instant) {
        guard let key else { return }
        if let latest, latest.key != key { previous = latest }
        latest = Asker(key: key, time: time)
    }

    /// A connection got its next batch.
    mutating func filled(_ connection: Int, with attempts: [Attempt]) {
        let cost = attempts.reduce(0) { $0 + $1.request.cost }
        fillers[connection] = cost < Self.smallestFilling ? nil : Self.majority(of: attempts, costing: cost)
    }

    /// A connection has nothing in flight any more.
    mutating func emptied(_ connection: Int) { fillers[connection] = nil }

    /// The keys of which a connection takes nothing, since they fill half of the others.
    ///
    /// - Parameter count: how many connections there are for these statements.
    func barredKeys(
        for connection: Int, of count: Int, now: () -> ContinuousClock.Instant
    ) -> [UInt64] {
        guard count > 1 else { return [] }
        var filled: [UInt64: Int] = [:]
        for (other, key) in fillers.enumerated() where other != connection {
            if let key { filled[key, default: 0] += 1 }
        }
        guard !filled.isEmpty else { return [] }
        let since = now() - Self.interest
        return filled.filter { $0.value >= count / 2 && isOtherInterested(than: $0.key, since: since) }
            .map(\.key)
    }

    private func isOtherInterested(than key: UInt64, since time: ContinuousClock.Instant) -> Bool {
        let other = latest?.key == key ? previous : latest
        return other.map { $0.time > time } ?? false
    }

    /// The key to which more than half of the cost of these belongs (Boyer and Moore's vote).
    private static func majority(of attempts: [Attempt], costing total: Int) -> UInt64? {
        var candidate: UInt64?
        var lead = 0
        for request in attempts.lazy.map(\.request) {
            if request.fairnessKey == candidate {
                lead += request.cost
            } else if lead >= request.cost {
                lead -= request.cost
            } else {
                candidate = request.fairnessKey
                lead = request.cost - lead
            }
        }
        guard let candidate else { return nil }
        let own = attempts.reduce(0) { $0 + ($1.request.fairnessKey == candidate ? $1.request.cost : 0) }
        return own > total - own ? candidate : nil
    }
}
