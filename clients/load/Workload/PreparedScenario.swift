// A scenario whose data is there: it hands each event loop its part of the work, and afterwards compares what the loops
// were told with what the deployment says.

/// Makes scenarios.
enum Scenario {
    /// Signs in, makes the data and starts what runs beside the calls. Throws what to say to the user.
    static func prepare(_ options: ScenarioOptions) async throws -> PreparedScenario {
        PreparedScenario(options: options)
    }
}

/// A scenario that can be run.
final class PreparedScenario: Sendable {
    private let options: ScenarioOptions

    init(options: ScenarioOptions) {
        self.options = options
    }

    /// "day (40 doctors, 64 patients)".
    var description: String {
        "\(options.mix.name) (\(options.doctors) doctors, \(options.patients) patients)"
    }

    /// The part of one event loop, which alone uses it; made once for each. The parts share no data, hot slots aside.
    func workload(loop index: Int, of count: Int) -> any Workload {
        preconditionFailure("not built yet")
    }

    /// Ends what runs beside the calls and looks at the data. To be called when every call has ended.
    func check() async throws -> [CheckResult] { [] }

    /// Removes what was made, if that was asked for, and closes the connections. To be called last, also after a failure.
    func finish() async {}
}
