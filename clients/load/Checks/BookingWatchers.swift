// `--watchers`: administrators who watch all bookings beside the load, each on a connection of its own. What they saw is
// held against what was acknowledged: every change once, none twice, whatever the load did to the server.

internal import ClinicClient
internal import ClinicMessages
internal import Histogram
internal import Synchronization
internal import TTRPC

/// What one watcher saw of a booking.
struct SeenBooking: Sendable {
    var changes = BookingChanges()
    /// When it saw that the booking was made, in nanoseconds of the monotonic clock.
    var created: UInt64 = 0
}

/// The watchers of a run.
final class BookingWatchers: Sendable {
    /// One watcher's notes.
    private final class Notes: Sendable {
        let bookings = Mutex<[Int64: SeenBooking]>([:])
        let events = Atomic<UInt64>(0)
        let failure = Mutex<String?>(nil)
    }

    /// How long an event may take after the last call.
    private static let patience = Duration.seconds(10)

    private let notes: [Notes]
    private let clients: [ClinicClient]
    private let tasks: [Task<Void, Never>]

    /// Begins so many watches, which see whatever is changed after this; throws the server's refusal.
    init(_ count: Int, _ options: ScenarioOptions, _ administrator: ClinicClient) async throws {
        let first = try await administrator.stream(
            BookingServiceMethods.watchBookings, WatchBookingsRequest())
        var responses = first.makeAsyncIterator()
        let token = try await responses.next()?.resumeToken ?? ""
        let notes = (0..<count).map { _ in Notes() }
        var configuration = ClinicClientConfiguration()
        configuration.tls = options.tls
        let clients = notes.map { _ in
            ClinicClient(
                address: options.address, token: administrator.token, configuration: configuration)
        }
        self.notes = notes
        self.clients = clients
        tasks = zip(notes, clients).map { notes, client in
            Task { await Self.watch(client, from: token, notes, administrator) }
        }
    }

    private static func watch(
        _ client: ClinicClient, from token: String, _ notes: Notes, _ administrator: ClinicClient
    ) async {
        var watch = client.watchBookings(from: token).makeAsyncIterator()
        while !Task.isCancelled {
            do throws(Status) {
                guard let event = try await watch.next()?.event else { return }
                let now = Clocks.now()
                notes.events.add(1, ordering: .relaxed)
                notes.bookings.withLock {
                    $0[event.bookingID, default: SeenBooking()].add(event.type, at: now)
                }
            } catch {
                let current = administrator.token
                guard error.code == .unauthenticated, client.token != current else {
                    return notes.failure.withLock { $0 = "\(error)" }
                }
                // Its token ended, and the run has the next.
                client.token = current
                watch = client.watchBookings(from: watch.resumeToken).makeAsyncIterator()
            }
        }
    }

    /// Waits for what the watchers have to see, and compares. To be called when every call has ended.
    func check(_ remembered: [RememberedBooking]) async -> (check: CheckResult, report: WatcherReport) {
        let end = ContinuousClock.now + Self.patience
        while let late = differences(remembered).first, ContinuousClock.now < end {
            // Whatever was seen too often stays so.
            if late.isTooMuch || notes.contains(where: { $0.failure.withLock { $0 } != nil }) { break }
            do { try await Task.sleep(for: .milliseconds(20)) } catch { break }
        }
        let (different, changes) = (
            differences(remembered).map(\.id), remembered.reduce(0) { $0 + $1.changes.count }
        )
        let failure = notes.lazy.compactMap { $0.failure.withLock { $0 } }.first
        let examples = Set(different).sorted().prefix(5).map(String.init).joined(separator: ", ")
        var detail = "\(changes) changes, \(notes.count) \(notes.count == 1 ? "watcher" : "watchers")"
        if !different.isEmpty {
            detail += "; \(Set(different).count) bookings were seen otherwise, such as \(examples)"
        }
        if let failure { detail += "; a watch ended: \(failure)" }
        return (
            CheckResult(
                name: "every watcher saw every acknowledged change exactly once",
                passed: different.isEmpty && failure == nil, detail: detail),
            WatcherReport(
                watchers: notes.count,
                events: notes.reduce(0) { $0 &+ $1.events.load(ordering: .relaxed) }, lag: lag(remembered))
        )
    }

    /// The bookings of which a watcher saw less or more than there was.
    private func differences(_ remembered: [RememberedBooking]) -> [(id: Int64, isTooMuch: Bool)] {
        notes.flatMap { notes in
            notes.bookings.withLock { seen in
                remembered.compactMap { booking in
                    let changes = seen[booking.id]?.changes ?? BookingChanges()
                    guard !booking.agrees(with: changes) else { return nil }
                    let most = booking.changes.count + Int(booking.unansweredChanges)
                    return (booking.id, changes.count > most)
                }
            }
        }
    }

    /// From when a booking was acknowledged to when a watcher saw it; an event that came first took no time.
    private func lag(_ remembered: [RememberedBooking]) -> Latency {
        var durations = Durations()
        for notes in notes {
            notes.bookings.withLock { seen in
                for booking in remembered {
                    guard booking.acknowledged > 0, let seen = seen[booking.id]?.created, seen > 0 else {
                        continue
                    }
                    durations.record(seen > booking.acknowledged ? (seen - booking.acknowledged) / 1000 : 0)
                }
            }
        }
        return Latency(durations)
    }

    /// Ends the watches.
    func stop() async {
        for task in tasks { task.cancel() }
        for client in clients { await client.close() }
        for task in tasks { await task.value }
    }
}

extension SeenBooking {
    /// Counts an event.
    fileprivate mutating func add(_ type: BookingEventType, at time: UInt64) {
        switch type {
        case .created:
            changes.created &+= 1
            created = time
        case .statusChanged: changes.status &+= 1
        case .rescheduled: changes.rescheduled &+= 1
        case .paymentChanged: changes.payment &+= 1
        default: break
        }
    }
}

extension RememberedBooking {
    /// Whether that is what a watcher has to see: every acknowledged change once, and of those without an answer any.
    func agrees(with seen: BookingChanges) -> Bool {
        seen.created >= changes.created && seen.status >= changes.status
            && seen.rescheduled >= changes.rescheduled && seen.payment >= changes.payment
            && seen.count <= changes.count + Int(unansweredChanges)
    }
}
