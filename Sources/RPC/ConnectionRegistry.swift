// The open connections of a server: their number is limited in total and per address, and a server that shuts down drains each of
// them. It is used twice per connection, so one lock is enough.

internal import NIOCore
internal import Synchronization

/// The connections that a server has open.
final class ConnectionRegistry: Sendable {
    private struct Entry {
        var eventLoop: any EventLoop
        var connection: NIOLoopBound<ServerConnection>
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        /// Channels that are being secured.
        var securing: [UInt64: any Channel] = [:]
        var openCount = 0
        /// The addresses of connections that came through a load balancer.
        var addressBehindBalancer: [UInt64: ClientAddress] = [:]
        /// Of TCP connections.
        var countOfAddress: [ClientAddress: Int] = [:]
        var nextNumber: UInt64 = 0
        var isDraining = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let budget: ShareBudget
    private let maximumConnectionsPerAddress: Int
    private let state = Mutex(State())

    init(configuration: ServerConfiguration) {
        budget = ShareBudget(limit: configuration.maximumConnections)
        maximumConnectionsPerAddress = configuration.maximumConnectionsPerAddress
    }

    /// Why a connection is not admitted.
    enum OpenFailure: Error {
        case draining
        case full
    }

    /// Makes room for a connection and numbers it. Each number is given back with `close`.
    ///
    /// - Parameter isProxy: whether it is a trusted proxy, which has connections for many.
    func open(from address: ClientAddress, isProxy: Bool = false) -> Result<UInt64, OpenFailure> {
        state.withLock { state in
            guard !state.isDraining else { return .failure(.draining) }
            guard count(address, isProxy: isProxy, in: &state) else { return .failure(.full) }
            state.openCount += 1
            state.nextNumber += 1
            return .success(state.nextNumber)
        }
    }

    /// Counts an admitted connection for the address behind a load balancer instead; returns why it may not be.
    func move(
        _ number: UInt64, from balancer: ClientAddress, to address: ClientAddress, isProxy: Bool
    ) -> OpenFailure? {
        state.withLock { state in
            guard !state.isDraining else { return .draining }
            guard count(address, isProxy: isProxy, in: &state) else { return .full }
            uncount(balancer, in: &state)
            state.addressBehindBalancer[number] = address
            return nil
        }
    }

    /// Counts a connection of an address; false if that has too many.
    private func count(_ address: ClientAddress, isProxy: Bool, in state: inout State) -> Bool {
        let share = ShareSlot(ShareKey(address))
        guard budget.admits(share) else { return false }
        if address.isOfNetwork {
            let count = state.countOfAddress[address.network, default: 0]
            guard isProxy || count < maximumConnectionsPerAddress else { return false }
            state.countOfAddress[address.network] = count + 1
        }
        budget.take(share)
        return true
    }

    private func uncount(_ address: ClientAddress, in state: inout State) {
        budget.putBack(ShareSlot(ShareKey(address)))
        if let count = state.countOfAddress[address.network] {
            state.countOfAddress[address.network] = count > 1 ? count - 1 : nil
        }
    }

    /// Registers the channel of an admitted connection while it is being secured.
    func setSecuring(_ channel: any Channel, for number: UInt64) {
        let isDraining = state.withLock { state in
            state.securing[number] = channel
            return state.isDraining
        }
        if isDraining { channel.close(promise: nil) }
    }

    /// The number of open connections.
    var count: Int { state.withLock { $0.openCount } }

    /// Registers the handler of an admitted connection; called on its event loop.
    func set(_ connection: ServerConnection, for number: UInt64) {
        let eventLoop = connection.executor.eventLoop
        let entry = Entry(eventLoop: eventLoop, connection: NIOLoopBound(connection, eventLoop: eventLoop))
        let isDraining = state.withLock { state in
            state.entries[number] = entry
            state.securing[number] = nil
            return state.isDraining
        }
        if isDraining { connection.drain() }
    }

    /// A connection is closed.
    func close(_ number: UInt64, from address: ClientAddress) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.entries[number] = nil
            state.securing[number] = nil
            state.openCount -= 1
            uncount(state.addressBehindBalancer.removeValue(forKey: number) ?? address, in: &state)
            guard state.isDraining, state.openCount == 0 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Admits no more connections, and makes each close when its calls are answered.
    func drain() {
        let (entries, securing) = state.withLock { state in
            state.isDraining = true
            return (Array(state.entries.values), Array(state.securing.values))
        }
        for channel in securing { channel.close(promise: nil) }
        for entry in entries { entry.eventLoop.execute { entry.connection.value.drain() } }
    }

    /// Cancels the remaining calls and closes their connections.
    func cancelAndClose() {
        let entries = state.withLock { Array($0.entries.values) }
        for entry in entries { entry.eventLoop.execute { entry.connection.value.cancelAndClose() } }
    }

    /// Returns when a drained server has no connection left.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.openCount == 0 { return true }
                state.waiting.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }
}
