// What a scenario's calls are made of: the numbers of its doctors and patients, and the tokens, which are renewed while it
// runs.

internal import Synchronization

/// What was made for a run.
struct ScenarioData: Sendable {
    /// A name that nothing else in the deployment has.
    let label: String
    let grid: ScenarioGrid
    let departmentID: Int64
    /// By place in the grid.
    let doctorIDs: [Int64]
    let patientIDs: [Int64]
    /// The days of a search, YYYY-MM-DD: the first of each week of the grid.
    let weeks: [String]
    /// The days of a report: the last week.
    let reportDays: ClosedRange<String>
    /// Of the administrator and of the first patients, who call for themselves.
    let tokens: ScenarioTokens
    /// What was booked before the run.
    var fill: [RememberedBooking] = []
}

/// The tokens of a run as metadata of requests.
final class ScenarioTokens: Sendable {
    /// Those of one moment.
    struct Metadata: Sendable {
        var administrator: [UInt8]
        var patients: [[UInt8]]
    }

    private let generation = Atomic<Int>(0)
    private let metadata: Mutex<Metadata>

    init(administrator: String, patients: [String]) {
        metadata = Mutex(Self.metadata(administrator, patients))
    }

    /// Grows with each renewal, so that a loop sees cheaply whether its copy is old.
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
