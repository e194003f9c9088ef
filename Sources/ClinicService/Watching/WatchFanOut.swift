// Which watcher gets which events of the feed. It is pure: BookingFeed reads and wakes, this decides.
//
// The newest events with their bookings are in one log per server, whatever the number of watchers. A watcher has a position and
// takes from the log what comes after it. The log contains only what concerned a watcher when it was read, so a watcher that joins,
// or that is further behind than the log reaches, reads its own part from the database and goes on with the log where that ends.

internal import ClinicStore

/// The watchers of one server and the log of the newest events that concern them.
struct WatchFanOut {
    /// The most watchers that one user has at a time.
    static let watchersPerUser = 256
    /// The most events that the log keeps after it is shortened; it has at most twice as many.
    static let logLength = 1_024
    /// The most events that one watcher takes at a time.
    static let takeLimit = 100

    /// Tells a watcher that there may be something to take.
    typealias Notifier = AsyncStream<Void>.Continuation

    /// An event that concerns a watcher.
    struct Entry {
        let subject: EventHeader.Subject
        let record: BookingEventRecord
    }

    /// What a watcher does next.
    enum Delivery {
        /// Nothing concerns it up to this position.
        case current(EventPosition)
        /// It sends these; nothing else concerns it up to this position.
        case events([BookingEventRecord], upTo: EventPosition)
        /// It reads its own events up to this position.
        case behind(upTo: EventPosition)
    }

    private struct Watcher {
        let userID: Int64
        let scope: BookingScope
        let doctorID: Int64?
        let wakeUps: Notifier
        /// The log has all events that concern it after this position; nil before the first publication.
        var completeFrom: EventPosition?
        /// Whether there may be events for it that it has not taken.
        var hasNews = true

        func isConcerned(by subject: EventHeader.Subject) -> Bool {
            let isInScope =
                switch scope {
                case .patient(let userID): userID == subject.userID
                case .clinic: true
                }
            return isInScope && (doctorID.map { $0 == subject.doctorID } ?? true)
        }
    }

    private var watchers: [UInt64: Watcher] = [:]
    private var countOfUser: [Int64: Int] = [:]
    private var lastNumber: UInt64 = 0
    /// The last watcher that was asked whether the events that are being read concern it.
    private var lastAsked: UInt64 = 0
    private var log: [Entry] = []
    /// The log was shortened up to here.
    private var logStart: EventPosition?
    /// The end of the published events; nil before the first publication.
    private(set) var end: EventPosition?

    /// The number of watchers.
    var count: Int { watchers.count }
    /// What wakes all watchers.
    var allWakeUps: [Notifier] { watchers.values.map(\.wakeUps) }

    // MARK: Watchers

    /// Adds a watcher; nil if its user has as many as one may have.
    mutating func join(
        _ userID: Int64, _ scope: BookingScope, doctorID: Int64?, _ wakeUps: Notifier
    ) -> UInt64? {
        guard countOfUser[userID, default: 0] < Self.watchersPerUser else { return nil }
        countOfUser[userID, default: 0] += 1
        lastNumber += 1
        watchers[lastNumber] = Watcher(
            userID: userID, scope: scope, doctorID: doctorID, wakeUps: wakeUps, completeFrom: end)
        return lastNumber
    }

    /// Removes a watcher. The log goes with the last one.
    mutating func leave(_ number: UInt64) {
        guard let watcher = watchers.removeValue(forKey: number) else { return }
        let left = countOfUser[watcher.userID, default: 1] - 1
        countOfUser[watcher.userID] = left > 0 ? left : nil
        guard watchers.isEmpty else { return }
        log = []
        logStart = nil
        end = nil
    }

    /// What a watcher that has come to a position does next; nil before the first publication.
    mutating func take(_ number: UInt64, after position: EventPosition) -> Delivery? {
        guard let end, let watcher = watchers[number] else { return nil }
        watchers[number]?.hasNews = false
        guard watcher.hasNews, position < end else { return .current(max(position, end)) }
        guard position >= watcher.completeFrom ?? end, position >= logStart ?? position else {
            return .behind(upTo: end)
        }
        var events: [BookingEventRecord] = []
        for entry in log[firstIndex(after: position)...] where watcher.isConcerned(by: entry.subject) {
            events.append(entry.record)
            guard events.count == Self.takeLimit else { continue }
            watchers[number]?.hasNews = true
            return .events(events, upTo: entry.record.position)
        }
        return events.isEmpty ? .current(end) : .events(events, upTo: end)
    }

    private func firstIndex(after position: EventPosition) -> Int {
        var range = log.indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range =
                log[middle].record.position > position
                ? range.lowerBound..<middle : (middle + 1)..<range.upperBound
        }
        return range.lowerBound
    }

    // MARK: Events

    /// The events among the next ones that concern a watcher.
    mutating func concerning(_ headers: [EventHeader]) -> [(EventHeader, EventHeader.Subject)] {
        lastAsked = lastNumber
        var users: Set<Int64> = []
        // nil: of all doctors.
        var doctors: Set<Int64?> = []
        for watcher in watchers.values {
            switch watcher.scope {
            case .patient(let userID): users.insert(userID)
            case .clinic: doctors.insert(watcher.doctorID)
            }
        }
        return headers.compactMap { header in
            guard let subject = header.subject else { return nil }
            let isConcerned =
                subject.userID.map(users.contains) ?? false || doctors.contains(nil)
                || doctors.contains(subject.doctorID)
            return isConcerned ? (header, subject) : nil
        }
    }

    /// Publishes the events up to a new end; returns what wakes the watchers that have something to do.
    mutating func publish(_ entries: [Entry], upTo newEnd: EventPosition) -> [Notifier] {
        let isFirst = end == nil
        end = newEnd
        log += entries
        if log.count > 2 * Self.logLength {
            let surplus = log.count - Self.logLength
            logStart = log[surplus - 1].record.position
            log.removeFirst(surplus)
        }
        var woken: [Notifier] = []
        for (number, watcher) in watchers {
            if isFirst || number > lastAsked {
                // What concerned only this watcher was left out.
                watchers[number]?.completeFrom = newEnd
            } else if !entries.contains(where: { watcher.isConcerned(by: $0.subject) }) {
                continue
            }
            watchers[number]?.hasNews = true
            woken.append(watcher.wakeUps)
        }
        return woken
    }
}
