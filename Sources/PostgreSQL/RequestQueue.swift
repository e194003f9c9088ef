// The requests of one pool that wait to be sent. Each connection has a shard of the queue for the requests that only it may
// take, and the last shard is for those that any connection may take, so a long queue for one connection delays no other request.
//
// Within a shard, requests are taken round-robin by fairness key and in order of arrival within a key. Every operation
// takes constant time, and none allocates once the arrays have grown: requests, the flows of a key in a shard, and keys are
// slots of arrays, linked by their indexes.

/// A queue that is fair by key.
struct RequestQueue {
    private struct Node {
        var attempt: Attempt?
        var flow = none
        var next = none
        var previous = none
    }

    /// The requests of one key in one shard, in order of arrival.
    private struct Flow {
        var head = none
        var tail = none
        var count = 0
        /// Neighbours in the shard's ring of flows; only meaningful while the flow is not empty.
        var next = none
        var previous = none
    }

    private struct Key {
        var id: UInt64?
        var count = 0
        /// How many of its requests have been taken, as far as other keys had something to take meanwhile.
        var turn: UInt64 = 1
        /// Neighbours among the keys with as many requests.
        var next = none
        var previous = none
    }

    private struct Shard {
        /// The flow whose turn it is.
        var front = none
        var count = 0
    }

    private static let none: Int32 = -1
    /// Requests that are sent again: they have had their turn, and go first.
    private static let retries: Int32 = 0
    /// The requests without a key, which share one.
    private static let keyless: Int32 = 1
    /// How many keys are remembered although they have nothing in the queue: most come back soon, and to make one and to
    /// forget it costs more than all else that is done for a request here.
    private static let retainedKeyCount = 1_024

    private var nodes: [Node] = []
    private var freeNodes = none
    private var flows: [Flow] = []
    private var keys: [Key] = []
    private var freeKeys = none
    private var indexes: [UInt64: Int32] = [:]
    /// The key of the last new request, which is often that of the next one.
    private var lastKey = keyless
    /// How many keys have something in the queue.
    private var activeKeyCount = 0
    /// The first key of those with so many requests, and the greatest number that a key has.
    private var keysBySize: [Int32] = [none]
    private var largestSize = 0
    private var shards: [Shard]
    /// The latest turn of any key; a key that comes back starts there.
    private var turn: UInt64 = 1

    /// How many requests wait.
    private(set) var count = 0

    init(connections: Int) {
        shards = Array(repeating: Shard(), count: connections + 1)
        for _ in [Self.retries, Self.keyless] { _ = makeKey(nil) }
    }

    /// The index of the shard that any connection may take from.
    var sharedShard: Int { shards.count - 1 }

    func count(in shard: Int) -> Int { shards[shard].count }

    // MARK: - Adding

    /// Adds a new request behind those of its key.
    mutating func append(_ attempt: Attempt, to shard: Int) {
        let key = index(of: attempt.request.fairnessKey)
        if keys[Int(key)].count == 0 { keys[Int(key)].turn = max(keys[Int(key)].turn, turn) }
        let flow = flow(of: key, in: shard)
        let node = makeNode(attempt, flow: flow)
        let tail = flows[flow].tail
        nodes[Int(node)].previous = tail
        if tail == Self.none { flows[flow].head = node } else { nodes[Int(tail)].next = node }
        flows[flow].tail = node
        if flows[flow].count == 0 { enterRing(Int32(flow), of: shard) }
        flows[flow].count += 1
        shards[shard].count += 1
        count += 1
        setSize(of: key, to: keys[Int(key)].count + 1)
    }

    /// Adds a request that was taken before, in front of all others.
    mutating func putBack(_ attempt: Attempt, to shard: Int) {
        let flow = flow(of: Self.retries, in: shard)
        let node = makeNode(attempt, flow: flow)
        let head = flows[flow].head
        nodes[Int(node)].next = head
        if head == Self.none { flows[flow].tail = node } else { nodes[Int(head)].previous = node }
        flows[flow].head = node
        flows[flow].count += 1
        shards[shard].count += 1
        count += 1
    }

    func contains(_ request: StatementRequest) -> Bool { request.queuePosition != Self.none }

    /// Notes since when a request waits that is in the queue.
    mutating func setWaitStart(of request: StatementRequest, to time: ContinuousClock.Instant) {
        guard contains(request) else { return }
        nodes[Int(request.queuePosition)].attempt?.waitStart = Attempt.clockStart.duration(to: time)
    }

    // MARK: - Taking

    /// Of the shards that a connection serves, the one whose first request has its turn next.
    ///
    /// - Parameter barred: keys whose requests wait although it is their turn; a few.
    func nextShard(skipping barred: [UInt64] = [], where isServed: (Int) -> Bool) -> Int? {
        var best: (shard: Int, turn: UInt64, number: UInt64)?
        for shard in shards.indices where shards[shard].count > 0 && isServed(shard) {
            guard let flow = firstFlow(of: shard, skipping: barred) else { continue }
            guard let number = nodes[Int(flows[flow].head)].attempt?.sequenceNumber else { continue }
            let key = key(of: flow)
            let turn = key == Self.retries ? 0 : keys[Int(key)].turn
            if let best, (best.turn, best.number) <= (turn, number) { continue }
            best = (shard, turn, number)
        }
        return best?.shard
    }

    /// Takes the request of a shard whose turn it is.
    mutating func removeFirst(of shard: Int, skipping barred: [UInt64] = []) -> Attempt? {
        guard let flow = firstFlow(of: shard, skipping: barred) else { return nil }
        let key = key(of: flow)
        if key != Self.retries {
            keys[Int(key)].turn = max(keys[Int(key)].turn + 1, turn)
            turn = max(turn, keys[Int(key)].turn)
            shards[shard].front = flows[flow].next
        }
        return remove(at: flows[flow].head)
    }

    /// How many requests would be taken before another one with this key, at most, as far as they are in all shards.
    func countAhead(of key: UInt64?) -> Int {
        let own = key.map { indexes[$0].map { keys[Int($0)].count } ?? 0 } ?? keys[Int(Self.keyless)].count
        let others = activeKeyCount - (own > 0 ? 1 : 0)
        let (turns, isTooMany) = others.multipliedReportingOverflow(by: own + 1)
        return isTooMany ? count : min(count, own + turns)
    }

    /// Takes out a request whose caller gave up.
    mutating func remove(_ request: StatementRequest) {
        if contains(request) { _ = remove(at: request.queuePosition) }
    }

    /// Makes room for a request with this key: takes out the last request of the key that has most. Nil if that would be this
    /// key, with the new request.
    mutating func removeFromLargestKey(for key: UInt64?) -> StatementRequest? {
        let own = key.map { indexes[$0] } ?? Self.keyless
        let ownSize = own.map { keys[Int($0)].count } ?? 0
        guard largestSize > ownSize + 1 else { return nil }
        let largest = keysBySize[largestSize]
        let longest = shards.indices.map { flow(of: largest, in: $0) }
            .max { flows[$0].count < flows[$1].count }
        return longest.flatMap { remove(at: flows[$0].tail) }?.request
    }

    /// Takes out everything.
    mutating func removeAll() -> [StatementRequest] {
        var requests: [StatementRequest] = []
        for shard in shards.indices {
            while let attempt = removeFirst(of: shard) { requests.append(attempt.request) }
        }
        return requests
    }

    // MARK: - Slots and links

    private func flow(of key: Int32, in shard: Int) -> Int { Int(key) * shards.count + shard }
    private func key(of flow: Int) -> Int32 { Int32(flow / shards.count) }
    private func shard(of flow: Int) -> Int { flow % shards.count }

    /// The flow of a shard whose turn it is; nil if there is none, or only of barred keys.
    private func firstFlow(of shard: Int, skipping barred: [UInt64]) -> Int? {
        guard shards[shard].count > 0 else { return nil }
        let retries = flow(of: Self.retries, in: shard)
        if flows[retries].count > 0 { return retries }
        var flow = Int(shards[shard].front)
        for _ in barred {
            guard let id = keys[Int(key(of: flow))].id, barred.contains(id) else { return flow }
            flow = Int(flows[flow].next)
        }
        guard !barred.isEmpty, let id = keys[Int(key(of: flow))].id, barred.contains(id) else { return flow }
        return nil
    }

    private mutating func makeNode(_ attempt: Attempt, flow: Int) -> Int32 {
        var node = freeNodes
        if node == Self.none {
            node = Int32(nodes.count)
            nodes.append(Node())
        } else {
            freeNodes = nodes[Int(node)].next
        }
        nodes[Int(node)] = Node(attempt: attempt, flow: Int32(flow))
        attempt.request.queuePosition = node
        return node
    }

    private mutating func remove(at node: Int32) -> Attempt? {
        let (attempt, next, previous) = (
            nodes[Int(node)].attempt, nodes[Int(node)].next, nodes[Int(node)].previous
        )
        let flow = Int(nodes[Int(node)].flow)
        if previous == Self.none { flows[flow].head = next } else { nodes[Int(previous)].next = next }
        if next == Self.none { flows[flow].tail = previous } else { nodes[Int(next)].previous = previous }
        nodes[Int(node)] = Node(attempt: nil, next: freeNodes)
        freeNodes = node
        attempt?.request.queuePosition = Self.none
        flows[flow].count -= 1
        shards[shard(of: flow)].count -= 1
        count -= 1
        let key = key(of: flow)
        if key != Self.retries {
            if flows[flow].count == 0 { leaveRing(Int32(flow), of: shard(of: flow)) }
            setSize(of: key, to: keys[Int(key)].count - 1)
        }
        return attempt
    }

    /// Puts a flow behind all others of its shard.
    private mutating func enterRing(_ flow: Int32, of shard: Int) {
        let front = shards[shard].front
        guard front != Self.none else {
            (flows[Int(flow)].next, flows[Int(flow)].previous) = (flow, flow)
            return shards[shard].front = flow
        }
        let last = flows[Int(front)].previous
        (flows[Int(flow)].next, flows[Int(flow)].previous) = (front, last)
        flows[Int(last)].next = flow
        flows[Int(front)].previous = flow
    }

    private mutating func leaveRing(_ flow: Int32, of shard: Int) {
        let (next, previous) = (flows[Int(flow)].next, flows[Int(flow)].previous)
        flows[Int(previous)].next = next
        flows[Int(next)].previous = previous
        if shards[shard].front == flow { shards[shard].front = next == flow ? Self.none : next }
    }

    private mutating func index(of id: UInt64?) -> Int32 {
        guard let id else { return Self.keyless }
        if keys[Int(lastKey)].id == id { return lastKey }
        if let index = indexes[id] {
            lastKey = index
            return index
        }
        lastKey = makeKey(id)
        indexes[id] = lastKey
        return lastKey
    }

    private mutating func makeKey(_ id: UInt64?) -> Int32 {
        var index = freeKeys
        if index == Self.none {
            index = Int32(keys.count)
            keys.append(Key(id: id))
            flows.append(contentsOf: repeatElement(Flow(), count: shards.count))
        } else {
            freeKeys = keys[Int(index)].next
            keys[Int(index)] = Key(id: id)
        }
        return index
    }

    /// Moves a key among those with as many requests; one that has none any more is forgotten.
    private mutating func setSize(of key: Int32, to size: Int) {
        let (old, next, previous) = (
            keys[Int(key)].count, keys[Int(key)].next, keys[Int(key)].previous
        )
        if old > 0 {
            if previous == Self.none { keysBySize[old] = next } else { keys[Int(previous)].next = next }
            if next != Self.none { keys[Int(next)].previous = previous }
        }
        keys[Int(key)].count = size
        if old == 0, size > 0 { activeKeyCount += 1 }
        if old > 0, size == 0 { activeKeyCount -= 1 }
        if size > 0 {
            if size == keysBySize.count { keysBySize.append(Self.none) }
            let first = keysBySize[size]
            (keys[Int(key)].next, keys[Int(key)].previous) = (first, Self.none)
            if first != Self.none { keys[Int(first)].previous = key }
            keysBySize[size] = key
        } else if let id = keys[Int(key)].id, indexes.count > Self.retainedKeyCount {
            indexes[id] = nil
            keys[Int(key)].id = nil
            keys[Int(key)].next = freeKeys
            freeKeys = key
        } else {
            (keys[Int(key)].next, keys[Int(key)].previous) = (Self.none, Self.none)
        }
        if size > largestSize {
            largestSize = size
        } else if old == largestSize, keysBySize[old] == Self.none {
            largestSize = size
        }
    }
}
