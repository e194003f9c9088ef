// The data of a scenario: the ids of its doctors and patients, and the tokens, which are renewed during the run.

internal import Synchronization

/// The data created for a run.
struct ScenarioData: Sendable {
    /// A name that is unique in the deployment.
    let label: String
    let grid: ScenarioGrid
    let departmentID: Int64
    /// The ids by index in the grid.
    let doctorIDs: [Int64]
    let patientIDs: [Int64]
    /// The start days of searches, YYYY-MM-DD: the first day of each week of the grid.
    let weeks: [String]
    /// The days of reports: the past week.
    let reportDays: ClosedRange<String>
    /// The tokens of the administrator and of the first patients, who make their own calls.
    let tokens: ScenarioTokens
    /// The bookings made before the run.
    var fill: [AcknowledgedBooking] = []
}

/// The tokens of a run as encoded request metadata.
final class ScenarioTokens: Sendable {
    /// The tokens at one time.
    struct Metadata: Sendable {
        var administrator: [UInt8]
        var patients: [[UInt8]]
    }

    private let generation = Atomic<Int>(0)
    private let metadata: Mutex<Metadata>

    init(administrator: String, patients: [String]) {
        metadata = Mutex(Self.metadata(administrator, patients))
    }

    /// Increases with each renewal, so that a loop can cheaply detect an outdated copy.
    var version: Int { generation.load(ordering: .acquiring) }

    var current: Metadata { metadata.withLock { $0 } }

    func renew(administrator: String, patients: [String]) {
        metadata.withLock { $0 = Self.metadata(administrator, patients) }
        generation.add(1, ordering: .releasing)
    }

    private static func metadata(_ administrator: String, _ patients: [String]) -> Metadata {
        func header(_ token: String) -> [UInt8] {
            RequestBody.metadata("authorization", "Bearer \(token)")
        }
        return Metadata(administrator: header(administrator), patients: patients.map(header))
    }
}
