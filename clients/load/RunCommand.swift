// `clinic-load run`: from the options to a run, and from what it came to to the reports and the exit status.

internal import ArgumentParser
internal import Dispatch
internal import FoundationEssentials
internal import Glibc
internal import Synchronization
internal import TTRPC

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Put load on a server and report what came of it.",
        discussion: """
            Response times count from the moment a call was to begin, so a server that stalls cannot hide behind calls \
            that were never sent; service times count from the send. Interrupt it once, and what there is is reported.

            Exit codes: 0 done; 1 the run could not be made or was given up, or the data are wrong afterwards; \
            2 wrong usage; 3 something that --assert or --slo demands did not hold.

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
            "Exit with 3 unless it holds: p50 to p99.99, mean, max, errors, throughput; repeatable.",
            discussion: "Such as 'p99<50ms', 'errors<0.1%', 'throughput>1000', 'Health/Check:p99.9<1s'.",
            valueName: "bound"))
    var assert: [Assertion] = []

    @Flag(help: "Look for the greatest rate at which every --slo holds, beginning with --rate.")
    var findMax = false

    @Option(
        help: ArgumentHelp("What has to hold; errors<1% unless it says otherwise.", valueName: "bound"))
    var slo: [Assertion] = []

    @Option(
        help: ArgumentHelp(
            "The server's page of metrics, such as http://127.0.0.1:9100/metrics, read before and after.",
            valueName: "address"))
    var metrics: String?

    func validate() throws {
        guard (call != nil) != scenario.isGiven else {
            throw ValidationError(
                "say what to do: either --call SERVICE/METHOD, or --scenario NAME, or --mix with operations and shares"
            )
        }
        guard findMax || slo.isEmpty else { throw ValidationError("--slo goes with --find-max") }
        guard !findMax || !slo.isEmpty else {
            throw ValidationError("--find-max needs to know what has to hold, such as --slo 'p99<50ms'")
        }
        guard !findMax || (load.stages == nil && load.concurrency == nil && load.requests == nil) else {
            throw ValidationError("--find-max makes its own load: give --rate and --duration only")
        }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment.filter { !$0.value.isEmpty }
        let (address, tls) = try server.target(environment)
        let machine = MachineFacts.current()
        let plan = try load.plan(cores: machine.cores)
        let token = try server.token(for: address, sessionFile: scenario.sessionFile, environment)
        let target = Target(address: address, tls: tls, token: token)
        let before = try await reading()
        let work = try await work(target, plan, environment)
        let facts = RunFacts(
            arguments: Self.harmless(Array(CommandLine.arguments.dropFirst())), seed: plan.seed,
            revision: await RunFacts.currentRevision(), started: Date().formatted(.iso8601),
            address: "\(address)", workload: work.name, connections: plan.connections, machine: machine)
        var report: LoadReport
        let givenUp: String?
        do {
            (report, givenUp) = try await measure(work, on: target, plan, facts)
            if let before, let after = try await reading() { report.server = after.difference(since: before) }
            (report.checks, report.watchers) = await work.check()
        } catch {
            await work.finish()
            throw error
        }
        await work.finish()
        print(report.text, terminator: "")
        try outputs.write(report)
        try Self.judge(report, givenUp)
    }

    /// What the calls are: one method, or a scenario whose data is made now.
    private func work(_ target: Target, _ plan: LoadPlan, _ environment: [String: String]) async throws
        -> Work
    {
        if let call {
            // Mistakes in the arguments first: they are there whether the server is or not.
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

    /// Throws what is wrong with a run that took place.
    static func judge(_ report: LoadReport, _ givenUp: String?) throws(LoadFailure) {
        if let givenUp { throw LoadFailure("given up: \(givenUp)") }
        let wrong = report.checks.filter { !$0.passed }.map(\.name)
        guard wrong.isEmpty else { throw LoadFailure("the data are wrong: \(wrong.joined(separator: ", "))") }
        let statuses = report.steps.flatMap(\.total.statuses)
        guard statuses.contains(where: \.expected) else {
            let names = Set(statuses.map(\.status)).sorted().joined(separator: ", ")
            throw LoadFailure("not one call succeeded" + (names.isEmpty ? "" : "; they ended with \(names)"))
        }
        let failed = report.assertions.filter { !$0.passed }.map { "\($0.text) (it was \($0.actual))" }
        guard failed.isEmpty else {
            throw LoadFailure("does not hold: \(failed.joined(separator: ", "))", .assertion)
        }
        if let search = report.search, search.maximumRate == nil {
            throw LoadFailure("there is no rate at which --slo holds", .assertion)
        }
    }

    private func reading() async throws -> ServerMetrics.Reading? {
        guard let metrics else { return nil }
        return try await ServerMetrics.read(from: metrics)
    }

    private func request() throws -> String {
        guard data.hasPrefix("@") else { return data }
        guard let bytes = FileManager.default.contents(atPath: String(data.dropFirst())) else {
            throw LoadFailure("cannot read the request from \(data.dropFirst())", .usage)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Makes the run or the search, and shows the seconds as they pass.
    private func measure(
        _ work: Work, on target: Target, _ plan: LoadPlan, _ facts: RunFacts
    ) async throws -> (LoadReport, givenUp: String?) {
        let generator = try await LoadGenerator(
            threads: plan.threads, target: target, workload: work.workload(loop:of:))
        let interrupt = Interrupt { generator.interrupt() }
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
    ) async throws -> (LoadReport, givenUp: String?) {
        let live = Mutex(
            LiveLine(
                isTerminal: isatty(STDERR_FILENO) == 1,
                total: findMax ? nil : .seconds(plan.warmUp + plan.seconds), write: writeError))
        let show: @Sendable (TimelinePoint) -> Void = { point in live.withLock { $0.show(point) } }
        guard findMax else {
            let run = try await generator.run(plan, report: show)
            live.withLock { $0.end() }
            return (run.report(facts, assertions: assert.map { $0.result(run.record) }), run.givenUp)
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

    /// The arguments without a request that may hold a secret.
    static func harmless(_ arguments: [String]) -> [String] {
        arguments.map { argument in
            let isSecret =
                argument.contains("{")
                && ["password", "token"].contains { argument.lowercased().contains($0) }
            return isSecret ? "(left out)" : argument
        }
    }
}

/// The first interrupt ends the run early, the next one the program.
private struct Interrupt {
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
