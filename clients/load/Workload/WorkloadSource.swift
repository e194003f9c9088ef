// The source of a run's calls: a single method or a scenario.

/// The source of a run's calls, with its checks and cleanup.
enum WorkloadSource: Sendable {
    case call(SingleCall)
    case scenario(PreparedScenario)

    /// The name shown in reports.
    var name: String {
        switch self {
        case .call(let call): call.name
        case .scenario(let scenario): scenario.description
        }
    }

    /// The workload of loop `index` of `count`.
    @Sendable func workload(loop index: Int, of count: Int) -> any Workload {
        switch self {
        case .call(let call): call.workload()
        case .scenario(let scenario): scenario.workload(loop: index, of: count)
        }
    }

    /// Checks the data after every call has ended. If the check itself fails, that becomes a failed check, so that
    /// the report is kept.
    func check() async -> (checks: [CheckResult], watchers: WatcherReport?) {
        guard case .scenario(let scenario) = self else { return ([], nil) }
        for note in scenario.notes { writeError(note + "\n") }
        do {
            return try await scenario.check()
        } catch {
            return ([CheckResult(name: "the data can be checked", passed: false, detail: "\(error)")], nil)
        }
    }

    /// Cleans up, also after a failure.
    func finish() async {
        if case .scenario(let scenario) = self { await scenario.finish() }
    }
}
