// What the connections of this process know about the places where a server may be: which one serves, and which ones are
// silent. A silent one costs the whole time limit of an attempt, so one connection at a time tries it while there are others.

internal import Synchronization

/// Chooses the order in which addresses are tried.
struct ReachabilityState {
    /// Where each list was connected last.
    private var serving: [ServerList: ServerAddress] = [:]
    /// Addresses that did not answer in time, and whether somebody tries them now.
    private var silent: [ServerAddress: Bool] = [:]

    /// The addresses to try, those of which most is expected first; the others keep their order. A silent one that somebody
    /// else tries is left out, unless nothing else is left.
    mutating func plan(_ list: ServerList, _ addresses: [ServerAddress]) -> [ServerAddress] {
        let heard = addresses.filter { silent[$0] == nil }
        let first = serving[list].map { address in heard.filter { $0 == address } } ?? []
        let untried = addresses.filter { silent[$0] == false }
        let planned = first + heard.filter { !first.contains($0) } + untried
        guard !planned.isEmpty else { return addresses }
        for address in untried where planned.count > 1 { silent[address] = true }
        return planned
    }

    /// What is neither the one that serves nor silent.
    func others(_ list: ServerList, _ addresses: [ServerAddress]) -> [ServerAddress] {
        addresses.filter { $0 != serving[list] && silent[$0] == nil }
    }

    /// An address was connected; the rest of the plan was not tried.
    mutating func connected(_ address: ServerAddress, of list: ServerList, planned: [ServerAddress]) {
        end(planned)
        silent[address] = nil
        serving[list] = address
    }

    /// An address answered, and is not the server that is looked for.
    mutating func answered(_ address: ServerAddress) { silent[address] = nil }

    /// An address did not answer within its time.
    mutating func wasSilent(_ address: ServerAddress) { silent[address] = false }

    /// Nobody of this plan tries its silent addresses any more.
    mutating func end(_ planned: [ServerAddress]) {
        for address in planned where silent[address] == true { silent[address] = false }
    }
}

/// The attempts to connect to one of the addresses of a list, one after the other.
struct ConnectionAttempts: ~Copyable {
    private static let reachability = Mutex(ReachabilityState())

    private let list: ServerList
    private let planned: [ServerAddress]
    private var next = 0
    private var errors: [DatabaseError] = []
    /// How long one attempt may take.
    let limit: Duration

    /// Blocks for name resolution.
    init(_ parameters: ConnectionParameters) {
        let list = parameters.servers
        self.list = list
        let addresses = list.addresses()
        planned = Self.reachability.withLock { $0.plan(list, addresses) }
        limit = parameters.attemptLimit(addresses: addresses.count)
    }

    deinit {
        let planned = planned
        Self.reachability.withLock { $0.end(planned) }
    }

    /// The address to try now; nil if none is left.
    mutating func nextAddress() -> ServerAddress? {
        guard next < planned.count else { return nil }
        next += 1
        return planned[next - 1]
    }

    /// The attempt at an address succeeded.
    borrowing func connected(_ address: ServerAddress) {
        Self.reachability.withLock { $0.connected(address, of: list, planned: planned) }
    }

    /// The attempt at an address failed.
    mutating func failed(_ address: ServerAddress, _ error: DatabaseError, wasSilent: Bool) {
        errors.append(error)
        Self.reachability.withLock { state in
            if wasSilent { state.wasSilent(address) } else { state.answered(address) }
        }
    }

    /// A server that was connected is found to hang.
    static func foundSilent(_ address: ServerAddress) { reachability.withLock { $0.wasSilent(address) } }

    /// The addresses of a list of several that are neither the one that serves nor silent. Blocks for name resolution.
    static func othersThanServing(_ list: ServerList) -> [ServerAddress] {
        let addresses = list.addresses()
        return reachability.withLock { $0.others(list, addresses) }
    }

    /// Why no address was connected.
    var error: DatabaseError {
        guard let first = errors.first else {
            return DatabaseError(.unavailable, "the database did not answer in time")
        }
        // One that may serve later counts more than one that never will.
        let kind =
            (errors.first { $0.state == .readOnlySQLTransaction } ?? errors.first { $0.kind == .unavailable })?
            .kind
        return DatabaseError(kind ?? first.kind, errors.map(\.reason).joined(separator: "; "))
    }
}
