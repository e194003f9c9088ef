// Whether calls can be served, as load balancers ask: the page /readyz and grpc.health.v1.Health say the same.
//
// A commit may wait for a synchronous standby that is gone, for as long as it is gone, while PostgreSQL accepts connections and
// answers reads. So changes count as served only while none of them has waited for long.

internal import ClinicService
internal import PostgreSQL
internal import RPC
internal import RPCMessages
internal import Synchronization

/// Looks at the database and sets the statuses of health checks.
final class Readiness: Sendable {
    /// What is asked for.
    enum Purpose: String {
        case reads
        case writes

        /// The name in health checks.
        var service: String { "clinic." + rawValue }
    }

    /// The services of health checks, besides the server as a whole.
    static var names: [String] {
        clinicServiceNames + [Purpose.reads.service, Purpose.writes.service]
    }

    /// How long a change may wait for PostgreSQL: longer than for a lock.
    private static let longestWrite = Duration.seconds(5)
    private static let interval = Duration.milliseconds(500)

    private let database: Database
    private let health: HealthService
    /// Whether the server has ended. Held while statuses are set, so that no old one follows a new one.
    private let hasEnded = Mutex(false)

    init(database: Database, health: HealthService) {
        self.database = database
        self.health = health
    }

    /// Why calls of a kind are not served; nil if they are.
    func obstacle(to purpose: Purpose) -> String? {
        if hasEnded.withLock(\.self) { return "the daemon is shutting down" }
        return Self.obstacle(to: purpose, database.statistics)
    }

    private static func obstacle(to purpose: Purpose, _ statistics: DatabaseStatistics) -> String? {
        if purpose == .writes, let obstacle = statistics.obstacleToChanges { return obstacle }
        return switch purpose {
        case .reads: statistics.acceptsReads ? nil : "the database cannot be reached"
        case .writes where !statistics.isAvailable: "the database cannot be reached"
        case .writes where statistics.writes.oldestBatchAge >= longestWrite:
            "a change has waited for the database for \(longestWrite.components.seconds) seconds"
        case .writes: nil
        }
    }

    /// Keeps the statuses up to date until the task is cancelled.
    func follow() async {
        let changes = database.availability()
        await withTaskGroup { group in
            group.addTask { for await _ in changes { self.report() } }
            group.addTask {
                while (try? await Task.sleep(for: Self.interval)) != nil { self.report() }
            }
        }
    }

    /// From now on nothing is served.
    func end() {
        hasEnded.withLock { hasEnded in
            hasEnded = true
            for service in [""] + Self.names { health.setStatus(.notServing, for: service) }
        }
    }

    /// The server as a whole and each service need changes, which need reads.
    private func report() {
        hasEnded.withLock { hasEnded in
            guard !hasEnded else { return }
            let statistics = database.statistics
            func set(_ services: [String], for purpose: Purpose) {
                let isServed = Self.obstacle(to: purpose, statistics) == nil
                for service in services { health.setStatus(isServed ? .serving : .notServing, for: service) }
            }
            set([""] + clinicServiceNames + [Purpose.writes.service], for: .writes)
            set([Purpose.reads.service], for: .reads)
        }
    }
}
