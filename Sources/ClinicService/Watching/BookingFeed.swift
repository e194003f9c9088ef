// Polls for events once per server, however many streams watch. The poll finds the end of the final events and which users and
// doctors the new ones concern, and wakes their streams; each stream then reads its own events, filtered by the statement. So
// no event is buffered for a slow stream: it has a position, like a stream that is resumed with a token.
//
// A call that changes something here triggers a poll at once; changes of other servers are found by polling every 250 ms. NOTIFY
// is not used, because notifying transactions wait for each other at their commit: 16 writers fell from 9,700 to 300 per second.
//
// Events are final when no older transaction is running: a transaction that is left open delays all events, and none is lost.

internal import ClinicStore
internal import Synchronization

/// Wakes streams when there are events for them.
final class BookingFeed: Sendable {
    /// The time between two polls without a hint.
    static let pollInterval = Duration.milliseconds(250)
    /// The minimum time between two polls, with or without a hint.
    static let shortestPause = Duration.milliseconds(10)
    /// The maximum number of events that one poll finds.
    static let batch: Int64 = 1_000

    private struct Watcher {
        let scope: BookingScope
        let doctorID: Int64?
        let wakeUps: AsyncStream<Void>.Continuation
        /// Whether there may be events for it since it last asked.
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
        /// Polls while there are watchers.
        var reader: Task<Void, Never>?
        /// The end of the final events; nil before the first poll.
        var end: EventPosition?
        /// Whether something was changed since the last poll began.
        var wasHinted = false
        /// The pause between two polls, which a hint ends.
        var pause: Task<Void, Never>?
    }

    private let events: BookingEventStore
    private let state = Mutex(State())

    init(events: BookingEventStore) {
        self.events = events
    }

    // MARK: Watchers

    /// Adds a watcher, which is woken by events that concern it and every second.
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

    /// Removes a watcher. The reader ends with the last one.
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

    /// The end of the final events, and whether events since the last call may concern the watcher; nil before the first
    /// poll.
    func news(for number: UInt64) -> (end: EventPosition, mayConcern: Bool)? {
        state.withLock { state in
            guard let end = state.end, let watcher = state.watchers[number] else { return nil }
            state.watchers[number]?.hasNews = false
            return (end, watcher.hasNews)
        }
    }

    /// The number of watchers.
    var watcherCount: Int { state.withLock { $0.watchers.count } }

    /// Polls soon, because something was changed here.
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
                isBehind = try await poll(&end)
            } catch {
                // Streams get the error from their own reads.
                isBehind = false
            }
            if !isBehind { await pause() }
        }
        await ticks
    }

    /// Finds new events and wakes the watchers that they concern; returns whether there may be more events.
    private func poll(_ end: inout EventPosition?) async throws -> Bool {
        guard let last = end else {
            let first = try await events.end(for: nil)
            end = first
            publish(first, nil)
            return false
        }
        let found = try await events.addresses(after: last, limit: Self.batch)
        guard let newEnd = found.last?.position else { return false }
        end = newEnd
        publish(
            newEnd,
            Addresses(
                userIDs: Set(found.compactMap(\.userID)), doctorIDs: Set(found.compactMap(\.doctorID))))
        return found.count >= Int(Self.batch)
    }

    /// Publishes the end of the final events, and wakes the watchers that the events concern, or all without addresses.
    private func publish(_ end: EventPosition, _ addresses: Addresses?) {
        let concerned = state.withLock { state -> [AsyncStream<Void>.Continuation] in
            // Another reader was started.
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

    /// Waits for a hint, at most `pollInterval`.
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

    /// Wakes all watchers periodically, even without a database, so that they reauthorize their callers.
    private func tick() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: StreamReauthorizer.checkInterval)
            let all = state.withLock { $0.watchers.values.map(\.wakeUps) }
            for wakeUps in all { wakeUps.yield() }
        }
    }
}
