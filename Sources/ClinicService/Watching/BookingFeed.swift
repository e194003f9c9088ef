// The one reader of events in a server, however many watch. It finds out how far the history has become final and whom
// the new part of it concerns, and wakes those; each then reads its own part, with whose it is in the statement. So
// nothing is kept for anybody: a watcher that falls behind has a place in the history, like one that comes back with a
// token, and costs nothing until it goes on.
//
// A change that was made here is read at once, because the call that made it gives a hint. Those of other servers are
// found by looking every quarter of a second. NOTIFY would tell them, but its commits wait for each other's disks: of 16
// writers that made 9,700 a second it left 300.
//
// What is final is decided by the oldest running transaction of the database: one that is left open by whoever holds
// one delays everybody's events, and loses none.

internal import ClinicStore
internal import Synchronization

/// Tells watchers when to read on.
final class BookingFeed: Sendable {
    /// How often to look without a hint.
    static let pollInterval = Duration.milliseconds(250)
    /// How long to leave the database alone between two looks, hints or not.
    static let shortestPause = Duration.milliseconds(10)
    /// How many events one look finds at most.
    static let batch: Int64 = 1_000

    private struct Watcher {
        let scope: BookingScope
        let doctorID: Int64?
        let wakeUps: AsyncStream<Void>.Continuation
        /// Whether something concerns it that it was not told of.
        var hasNews = true

        func isConcerned(by addresses: Addresses) -> Bool {
            let isInScope =
                switch scope {
                case .patient(let userID): addresses.userIDs.contains(userID)
                case .clinic: !addresses.userIDs.isEmpty
                }
            return isInScope && (doctorID.map(addresses.doctorIDs.contains) ?? true)
        }
    }

    private struct Addresses {
        var userIDs: Set<Int64> = []
        var doctorIDs: Set<Int64> = []
    }

    private struct State {
        var watchers: [UInt64: Watcher] = [:]
        var nextNumber: UInt64 = 0
        /// Looks while there are watchers.
        var reader: Task<Void, Never>?
        /// How far the reader has come; nil before its first look.
        var end: EventPosition?
        /// Whether something was changed since the last look began.
        var wasHinted = false
        /// The reader's pause, to be ended by a hint.
        var pause: Task<Void, Never>?
    }

    private let events: BookingEventStore
    private let state = Mutex(State())

    init(events: BookingEventStore) {
        self.events = events
    }

    // MARK: Watchers

    /// Begins to wake a watcher: when something concerns it, and every second besides.
    func join(_ scope: BookingScope, doctorID: Int64?) -> (number: UInt64, wakeUps: AsyncStream<Void>) {
        let (wakeUps, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.nextNumber += 1
            state.watchers[state.nextNumber] = Watcher(
                scope: scope, doctorID: doctorID, wakeUps: continuation)
            if state.reader == nil { state.reader = Task { await self.run() } }
            return state.nextNumber
        }
        continuation.yield()
        return (number, wakeUps)
    }

    /// Ends it. The reader ends with the last one.
    func leave(_ number: UInt64) {
        state.withLock { state in
            state.watchers[number] = nil
            guard state.watchers.isEmpty else { return }
            state.reader?.cancel()
            state.pause?.cancel()
            state.reader = nil
            state.pause = nil
            state.end = nil
        }
    }

    /// How far the history is final, and whether something of it may concern the watcher that it was not told of before;
    /// nil when that is not known yet.
    func news(for number: UInt64) -> (end: EventPosition, mayConcern: Bool)? {
        state.withLock { state in
            guard let end = state.end, let watcher = state.watchers[number] else { return nil }
            state.watchers[number]?.hasNews = false
            return (end, watcher.hasNews)
        }
    }

    /// How many watch.
    var watcherCount: Int { state.withLock { $0.watchers.count } }

    /// Something was changed.
    func hint() {
        state.withLock { state in
            guard !state.watchers.isEmpty else { return }
            state.wasHinted = true
            state.pause?.cancel()
        }
    }

    // MARK: The reader

    private func run() async {
        async let ticks: Void = tick()
        var end: EventPosition?
        while !Task.isCancelled {
            state.withLock { $0.wasHinted = false }
            let isBehind: Bool
            do {
                isBehind = try await look(&end)
            } catch {
                // Without a database there is no news. That they cannot be served watchers hear from their own reads.
                isBehind = false
            }
            if !isBehind { await pause() }
        }
        await ticks
    }

    /// Reads on and tells whom it concerns; says whether there is more.
    private func look(_ end: inout EventPosition?) async throws -> Bool {
        guard let last = end else {
            let first = try await events.end()
            end = first
            tell(first, nil)
            return false
        }
        let found = try await events.addresses(after: last, limit: Self.batch)
        guard let newEnd = found.last?.position else { return false }
        end = newEnd
        tell(
            newEnd,
            Addresses(
                userIDs: Set(found.compactMap(\.userID)), doctorIDs: Set(found.compactMap(\.doctorID))))
        return found.count >= Int(Self.batch)
    }

    /// Publishes how far the history is final now, and wakes those whom it concerns; all when that is not known.
    private func tell(_ end: EventPosition, _ addresses: Addresses?) {
        let concerned = state.withLock { state -> [AsyncStream<Void>.Continuation] in
            // Another reader has taken over.
            guard !Task.isCancelled else { return [] }
            state.end = end
            var concerned: [AsyncStream<Void>.Continuation] = []
            for (number, watcher) in state.watchers
            where addresses.map(watcher.isConcerned) ?? true {
                state.watchers[number]?.hasNews = true
                concerned.append(watcher.wakeUps)
            }
            return concerned
        }
        for wakeUps in concerned { wakeUps.yield() }
    }

    /// Waits for a hint, but not for long.
    private func pause() async {
        try? await Task.sleep(for: Self.shortestPause)
        let pause = state.withLock { state -> Task<Void, Never>? in
            guard !Task.isCancelled, !state.wasHinted else { return nil }
            let pause = Task { () -> Void in try? await Task.sleep(for: Self.pollInterval) }
            state.pause = pause
            return pause
        }
        await pause?.value
    }

    /// Wakes all watchers again and again, whatever the database does, to see whether their callers still are there.
    private func tick() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: StreamReauthorizer.checkInterval)
            let all = state.withLock { $0.watchers.values.map(\.wakeUps) }
            for wakeUps in all { wakeUps.yield() }
        }
    }
}
