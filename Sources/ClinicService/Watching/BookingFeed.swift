// Reads new events once per server, however many streams watch, and hands them out in memory (WatchFanOut).
//
// A call that changes something here triggers a poll at once; changes of other servers are found by polling every 250 ms. NOTIFY
// is not used, because notifying transactions wait for each other at their commit: 16 writers fell from 9,700 to 300 per second.
//
// Events are final when no older transaction is running: a transaction that is left open delays all events, and none is lost.

internal import ClinicStore
internal import Synchronization

/// Reads the events that concern streams and wakes them.
final class BookingFeed: Sendable {
    /// The time between two polls without a hint.
    static let pollInterval = Duration.milliseconds(250)
    /// The minimum time between two polls, with or without a hint.
    static let shortestPause = Duration.milliseconds(10)
    /// The maximum number of events that one poll finds.
    static let batch: Int64 = 500

    private struct State {
        var fanOut = WatchFanOut()
        /// Polls while there are watchers.
        var reader: Task<Void, Never>?
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

    /// Adds a watcher, which is woken by events that concern it and every second; nil if its user has as many as one may have.
    func join(
        _ userID: Int64, _ scope: BookingScope, doctorID: Int64?
    ) -> (number: UInt64, wakeUps: AsyncStream<Void>)? {
        let (wakeUps, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state -> UInt64? in
            let number = state.fanOut.join(userID, scope, doctorID: doctorID, continuation)
            if number != nil, state.reader == nil { state.reader = Task { await self.run() } }
            return number
        }
        continuation.yield()
        return number.map { ($0, wakeUps) }
    }

    /// Removes a watcher. The reader ends with the last one.
    func leave(_ number: UInt64) {
        state.withLock { state in
            state.fanOut.leave(number)
            guard state.fanOut.count == 0 else { return }
            state.reader?.cancel()
            state.pause?.cancel()
            state.reader = nil
            state.pause = nil
        }
    }

    /// What a watcher that has come to a position does next; nil before the first poll.
    func take(_ number: UInt64, after position: EventPosition) -> WatchFanOut.Delivery? {
        state.withLock { $0.fanOut.take(number, after: position) }
    }

    /// Polls soon, because something was changed here.
    func hint() {
        state.withLock { state in
            guard state.fanOut.count > 0 else { return }
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
                // The same events are read again by the next poll. Streams end if their callers cannot be reauthorized.
                isBehind = false
            }
            if !isBehind { await pause() }
        }
        await ticks
    }

    /// Reads new events, with the bookings of those that concern a watcher; returns whether there may be more events.
    private func poll(_ end: inout EventPosition?) async throws -> Bool {
        guard let last = end else {
            let first = try await events.end(for: nil)
            end = first
            publish([], upTo: first)
            return false
        }
        let found = try await events.headers(after: last, limit: Self.batch)
        guard let newEnd = found.last?.position else { return false }
        let concerning = state.withLock { $0.fanOut.concerning(found) }
        let bookings = try await events.bookings(Set(concerning.map(\.1.bookingID)))
        end = newEnd
        publish(
            concerning.map { header, subject in
                WatchFanOut.Entry(
                    subject: subject, record: header.record(of: subject, with: bookings[subject.bookingID]))
            }, upTo: newEnd)
        return found.count >= Int(Self.batch)
    }

    private func publish(_ entries: [WatchFanOut.Entry], upTo end: EventPosition) {
        let woken = state.withLock { state in
            // Another reader may have been started.
            Task.isCancelled ? [] : state.fanOut.publish(entries, upTo: end)
        }
        for wakeUps in woken { wakeUps.yield() }
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
            let all = state.withLock { $0.fanOut.allWakeUps }
            for wakeUps in all { wakeUps.yield() }
        }
    }
}
