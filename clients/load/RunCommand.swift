// `clinic-load run`: runs the load that the options describe, writes the reports and determines the exit status.

internal import ArgumentParser
internal import Dispatch
internal import FoundationEssentials
internal import Glibc
internal import ProgramInput
internal import RPC
internal import Synchronization
internal import TTRPC

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Put load on a server and report the results.",
        discussion: """
            Response times count from the scheduled start of a call, so a stalling server cannot hide behind calls that \
            were never sent; service times count from the send. The first interrupt ends the run and prints its report.

            Exit codes: 0 success; 1 the run failed or was aborted, or the data is wrong afterwards; \
            2 wrong usage; 3 a bound of --assert or --slo did not hold.

            Examples:
              clinic-load run --call Health/Check --rate 2000/s --duration 30s --assert 'p99<50ms'
              clinic-load run --call DoctorService/ListDoctors -d '{"page_size": 50}' --concurrency 64 --html report.html
              clinic-load run --call Health/Check --find-max --slo 'p99<20ms' --duration 5s
            """)

    @Option(help: ArgumentHelp("A single method, full or short.", valueName: "service/method"))
    var call: String?

    @Option(
        name: [.customShort("d"), .long],
        help: ArgumentHelp("Its request; @FILE reads it from a file.", valueName: "json"))
    var data = "{}"

    @OptionGroup(title: "Scenario") var scenario: ScenarioArguments
    @OptionGroup(title: "Load") var load: LoadOptions
    @OptionGroup(title: "Server") var server: TargetOptions
    @OptionGroup(title: "Reports") var outputs: ReportOutputs

    @Option(
        help: ArgumentHelp(
            "Exit with 3 unless the bound holds: p50 to p99.99, mean, max, errors, throughput; repeatable.",
            discussion: "Such as 'p99<50ms', 'errors<0.1%', 'throughput>1000', 'Health/Check:p99.9<1s'.",
            valueName: "bound"))
    var assert: [Assertion] = []

    @Flag(help: "Search for the greatest rate at which every --slo holds, starting with --rate.")
    var findMax = false

    @Option(
        help: ArgumentHelp("A bound that must hold; errors<1% is added unless given.", valueName: "bound"))
    var slo: [Assertion] = []

    @Option(
        help: ArgumentHelp(
            "The server's page of metrics, such as http://127.0.0.1:9100/metrics, read before and after.",
            valueName: "address"))
    var metrics: String?

    func validate() throws {
        guard (call != nil) != scenario.isGiven else {
            throw ValidationError(
                "choose the calls: --call SERVICE/METHOD, --scenario NAME, or --mix with operations and shares"
            )
        }
        guard findMax || slo.isEmpty else { throw ValidationError("--slo requires --find-max") }
        guard !findMax || !slo.isEmpty else {
            throw ValidationError("--find-max requires a bound, such as --slo 'p99<50ms'")
        }
        guard !findMax || (load.stages == nil && load.concurrency == nil && load.requests == nil) else {
            throw ValidationError("--find-max accepts only --rate and --duration for its load")
        }
    }

    func run() async throws {
        try outputs.check()
        let environment = try ProgramInput.environment().filter { !$0.value.isEmpty }
        let (address, tls) = try server.target(environment)
        let machine = MachineFacts.current()
        let plan = try load.plan(cores: machine.cores)
        let token = try server.token(for: address, sessionFile: scenario.sessionFile, environment)
        let target = Target(address: address, tls: tls, token: token)
        let before = try await readMetrics()
        let source = try await workloadSource(target, plan, environment)
        let facts = RunFacts(
            arguments: Self.redacted(try ProgramInput.arguments()), seed: plan.seed,
            revision: await RunFacts.currentRevision(), started: Date().formatted(.iso8601),
            address: "\(address)", workload: source.name, connections: plan.connections, machine: machine)
        var report: LoadReport
        let abortReason: String?
        do {
            (report, abortReason) = try await measure(source, on: target, plan, facts)
            if let before, let after = try await readMetrics() {
                report.server = after.difference(since: before)
            }
            (report.checks, report.watchers) = await source.check()
        } catch {
            await source.finish()
            throw error
        }
        await source.finish()
        print(report.text, terminator: "")
        try outputs.write(report)
        try Self.checkOutcome(report, abortReason)
    }

    /// The source of the calls: one method, or a scenario, whose data is created here.
    private func workloadSource(_ target: Target, _ plan: LoadPlan, _ environment: [String: String])
        async throws
        -> WorkloadSource
    {
        if let call {
            // Validates the arguments before it contacts the server.
            let single = try SingleCall(method: call, json: try request(), token: target.token)
            try await LoadGenerator.check(target)
            return .call(single)
        }
        try await LoadGenerator.check(target)
        let options = try scenario.options(
            address: target.address, tls: target.tls, seed: plan.seed, seconds: plan.warmUp + plan.seconds,
            environment: environment,
            progress: { writeError($0 + "\n") })
        return .scenario(try await Scenario.prepare(options))
    }

    /// Throws if a completed run was aborted or did not meet its bounds.
    static func checkOutcome(_ report: LoadReport, _ abortReason: String?) throws(LoadFailure) {
        if let abortReason { throw LoadFailure("aborted: \(abortReason)") }
        let wrong = report.checks.filter { !$0.passed }.map(\.name)
        guard wrong.isEmpty else { throw LoadFailure("the data is wrong: \(wrong.joined(separator: ", "))") }
        let statuses = report.steps.flatMap(\.total.statuses)
        guard statuses.contains(where: \.expected) else {
            let names = Set(statuses.map(\.status)).sorted().joined(separator: ", ")
            throw LoadFailure("no call succeeded" + (names.isEmpty ? "" : "; they ended with \(names)"))
        }
        let failed = report.assertions.filter { !$0.passed }.map { "\($0.text) (it was \($0.actual))" }
        guard failed.isEmpty else {
            throw LoadFailure("does not hold: \(failed.joined(separator: ", "))", .assertion)
        }
        if let search = report.search, search.maximumRate == nil {
            throw LoadFailure(
                search.inconclusiveRate == nil ? "--slo holds at no rate" : search.verdict, .assertion)
        }
    }

    private func readMetrics() async throws -> ServerMetrics.Reading? {
        guard let metrics else { return nil }
        return try await ServerMetrics.read(from: metrics)
    }

    private func request() throws -> String {
        guard data.hasPrefix("@") else { return data }
        guard let bytes = FileManager.default.contents(atPath: String(data.dropFirst())) else {
            throw LoadFailure("cannot read the request from \(data.dropFirst())", .usage)
        }
        return try ProgramInput.text(ofFile: bytes, from: String(data.dropFirst()))
    }

    /// Makes the run or the search and shows its progress.
    private func measure(
        _ source: WorkloadSource, on target: Target, _ plan: LoadPlan, _ facts: RunFacts
    ) async throws -> (LoadReport, abortReason: String?) {
        let generator = try await LoadGenerator(
            threads: plan.threads, target: target, workload: source.workload(loop:of:))
        let interrupt = InterruptHandler { generator.interrupt() }
        defer { interrupt.cancel() }
        do {
            let made = try await measure(with: generator, plan, facts)
            await generator.shutdown()
            return made
        } catch {
            await generator.shutdown()
            throw error
        }
    }

    private func measure(
        with generator: LoadGenerator, _ plan: LoadPlan, _ facts: RunFacts
    ) async throws -> (LoadReport, abortReason: String?) {
        let live = Mutex(
            ProgressLine(
                isTerminal: isatty(STDERR_FILENO) == 1,
                total: findMax ? nil : .seconds(plan.warmUp + plan.seconds), write: writeError))
        let show: @Sendable (TimelinePoint) -> Void = { point in live.withLock { $0.show(point) } }
        guard findMax else {
            let run = try await generator.run(plan, report: show)
            live.withLock { $0.end() }
            return (run.report(facts, assertions: assert.map { $0.result(run.record) }), run.abortReason)
        }
        let errors = slo.contains { $0.figure == .errors } ? nil : Assertion(argument: "errors<1%")
        let search = MaximumSearch(
            generator: generator, plan: plan, objectives: slo + [errors].compactMap { $0 })
        let found = try await search.run(
            announce: { line in
                live.withLock { $0.end() }
                writeError(line + "\n")
            }, second: show)
        let report = found.run.report(
            facts, assertions: assert.map { $0.result(found.run.record) }, search: found.report)
        return (report, nil)
    }

    /// The arguments without requests that may contain a password or token.
    static func redacted(_ arguments: [String]) -> [String] {
        arguments.map { argument in
            let isSecret =
                argument.contains("{")
                && ["password", "token"].contains { argument.lowercased().contains($0) }
            return isSecret ? "(left out)" : argument
        }
    }
}

/// The first interrupt ends the run early, the second ends the program.
private struct InterruptHandler {
    private let source: any DispatchSourceSignal

    init(_ stop: @escaping @Sendable () -> Void) {
        signal(SIGINT, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler {
            signal(SIGINT, SIG_DFL)
            stop()
        }
        source.resume()
    }

    func cancel() { source.cancel() }
}
