// `--watchers`: administrators who watch all bookings during the load, each on its own connection. Their
// observations are compared with the acknowledged changes: each change must be seen exactly once.

internal import ClinicClient
internal import ClinicMessages
internal import Histogram
internal import RPC
internal import Synchronization
internal import TTRPC

/// A watcher's observations of a booking.
struct ObservedBooking: Sendable {
    var changes = BookingChanges()
    /// When the creation was observed, in nanoseconds of the monotonic clock.
    var created: UInt64 = 0
}

/// The watchers of a run.
final class BookingWatchers: Sendable {
    /// The observations of one watcher.
    private final class Observations: Sendable {
        let bookings = Mutex<[Int64: ObservedBooking]>([:])
        let events = Atomic<UInt64>(0)
        let failure = Mutex<String?>(nil)
    }

    /// How long to wait for events after the last call.
    private static let eventTimeout = Duration.seconds(10)

    private let observations: [Observations]
    private let clients: [ClinicClient]
    private let tasks: [Task<Void, Never>]

    /// Starts `count` watches, which see every later change; throws the server's error.
    init(_ count: Int, _ options: ScenarioOptions, _ administrator: ClinicClient) async throws {
        let first = try await administrator.stream(
            BookingServiceMethods.watchBookings, WatchBookingsRequest())
        var responses = first.makeAsyncIterator()
        let token = try await responses.next()?.resumeToken ?? ""
        let observations = (0..<count).map { _ in Observations() }
        var configuration = ClinicClientConfiguration()
        configuration.tls = options.tls
        let clients = observations.map { _ in
            ClinicClient(
                address: options.address, token: administrator.token, configuration: configuration)
        }
        self.observations = observations
        self.clients = clients
        tasks = zip(observations, clients).map { observations, client in
            Task { await Self.watch(client, from: token, observations, administrator) }
        }
    }

    private static func watch(
        _ client: ClinicClient, from token: String, _ observations: Observations,
        _ administrator: ClinicClient
    ) async {
        var watch = client.watchBookings(from: token).makeAsyncIterator()
        while !Task.isCancelled {
            do throws(Status) {
                guard let event = try await watch.next()?.event else { return }
                let now = Clocks.now()
                observations.events.add(1, ordering: .relaxed)
                observations.bookings.withLock {
                    $0[event.bookingID, default: ObservedBooking()].add(event.type, at: now)
                }
            } catch {
                let current = administrator.token
                guard error.code == .unauthenticated, client.token != current else {
                    return observations.failure.withLock { $0 = "\(error)" }
                }
                // The token has expired and the run has a renewed one.
                client.token = current
                watch = client.watchBookings(from: watch.resumeToken).makeAsyncIterator()
            }
        }
    }

    /// Waits until the watchers have seen every change, and compares. Call after every call has ended.
    func check(_ acknowledged: [AcknowledgedBooking]) async -> (check: CheckResult, report: WatcherReport) {
        let end = ContinuousClock.now + Self.eventTimeout
        while let late = differences(acknowledged).first, ContinuousClock.now < end {
            // A change seen too often cannot be corrected by waiting.
            if late.isExcess || observations.contains(where: { $0.failure.withLock { $0 } != nil }) { break }
            do { try await Task.sleep(for: .milliseconds(20)) } catch { break }
        }
        let (different, changes) = (
            differences(acknowledged).map(\.id), acknowledged.reduce(0) { $0 + $1.changes.count }
        )
        let failure = observations.lazy.compactMap { $0.failure.withLock { $0 } }.first
        let examples = Set(different).sorted().prefix(5).map(String.init).joined(separator: ", ")
        var detail =
            "\(changes) changes, \(observations.count) \(observations.count == 1 ? "watcher" : "watchers")"
        if !different.isEmpty {
            detail += "; \(Set(different).count) bookings were seen differently, such as \(examples)"
        }
        if let failure { detail += "; a watch ended: \(failure)" }
        return (
            CheckResult(
                name: "every watcher saw every acknowledged change exactly once",
                passed: different.isEmpty && failure == nil, detail: detail),
            WatcherReport(
                watchers: observations.count,
                events: observations.reduce(0) { $0 &+ $1.events.load(ordering: .relaxed) },
                lag: lag(acknowledged))
        )
    }

    /// The bookings of which a watcher saw fewer or more changes than were made.
    private func differences(_ acknowledged: [AcknowledgedBooking]) -> [(id: Int64, isExcess: Bool)] {
        observations.flatMap { observations in
            observations.bookings.withLock { seen in
                acknowledged.compactMap { booking in
                    let changes = seen[booking.id]?.changes ?? BookingChanges()
                    guard !booking.agrees(with: changes) else { return nil }
                    let most = booking.changes.count + Int(booking.unansweredChanges)
                    return (booking.id, changes.count > most)
                }
            }
        }
    }

    /// The time from the acknowledgement of a booking to its event; 0 if the event came first.
    private func lag(_ acknowledged: [AcknowledgedBooking]) -> Latency {
        var durations = DurationHistogram()
        for observations in observations {
            observations.bookings.withLock { seen in
                for booking in acknowledged {
                    guard booking.acknowledged > 0, let seen = seen[booking.id]?.created, seen > 0 else {
                        continue
                    }
                    durations.record(seen > booking.acknowledged ? (seen - booking.acknowledged) / 1000 : 0)
                }
            }
        }
        return Latency(durations)
    }

    /// Stops the watches.
    func stop() async {
        for task in tasks { task.cancel() }
        for client in clients { await client.close() }
        for task in tasks { await task.value }
    }
}

extension ObservedBooking {
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

extension AcknowledgedBooking {
    /// Whether a watcher saw what it must: every acknowledged change once, and any number of those without a
    /// response.
    func agrees(with seen: BookingChanges) -> Bool {
        seen.created >= changes.created && seen.status >= changes.status
            && seen.rescheduled >= changes.rescheduled && seen.payment >= changes.payment
            && seen.count <= changes.count + Int(unansweredChanges)
    }
}
