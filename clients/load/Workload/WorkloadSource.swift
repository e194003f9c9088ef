// What a run calls: a single method or a scenario, as the command treats them alike.

/// The calls of a run, and what is to be done after them.
enum Work: Sendable {
    case call(SingleCall)
    case scenario(PreparedScenario)

    /// As reports show it.
    var name: String {
        switch self {
        case .call(let call): call.name
        case .scenario(let scenario): scenario.description
        }
    }

    /// The part of one event loop of so many.
    @Sendable func workload(loop index: Int, of count: Int) -> any Workload {
        switch self {
        case .call(let call): call.workload()
        case .scenario(let scenario): scenario.workload(loop: index, of: count)
        }
    }

    /// Looks at the data, when every call has ended. What cannot be looked at is no reason to lose the report.
    func check() async -> (checks: [CheckResult], watchers: WatcherReport?) {
        guard case .scenario(let scenario) = self else { return ([], nil) }
        for note in scenario.notes { writeError(note + "\n") }
        do {
            return try await scenario.check()
        } catch {
            return ([CheckResult(name: "the data can be checked", passed: false, detail: "\(error)")], nil)
        }
    }

    /// Removes what is to be removed, also after a failure.
    func finish() async {
        if case .scenario(let scenario) = self { await scenario.finish() }
    }
}
