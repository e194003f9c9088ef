// How much load, for how long, and when to stop.

internal import ArgumentParser

extension ArrivalKind: ExpressibleByArgument {}

/// The shape of the load and its limits.
struct LoadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Open loop: calls begin at this rate whatever the server does, such as 2000/s. [default: 1000/s]",
            valueName: "rate"))
    var rate: Rate?

    @Option(help: "How calls of an open loop follow each other: constant or poisson.")
    var arrivals = ArrivalKind.constant

    @Option(help: "What is random comes again with the same seed.")
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp(
            "Open loop in stages, such as 1000/s:10s,2000/s:10s; ramp:100/s..5000/s:30s; spike:100/s..5000/s:30s.",
            valueName: "stages"))
    var stages: String?

    @Option(
        help: ArgumentHelp(
            "Closed loop: so many calls in flight; a slow server is asked less.", valueName: "calls"))
    var concurrency: Int?

    @Option(help: "Connections, over which the calls are spread.")
    var connections = 8

    @Option(
        help: ArgumentHelp(
            "Calls in flight on a connection; others wait and are counted from when they were due.",
            valueName: "calls"))
    var maxInFlight = 128

    @Option(help: "Event loops of the generator. [default: 1 on up to 4 cores, else 2]")
    var threads: Int?

    @Option(help: "How long is measured, such as 30s or 5m. [default: 10s]")
    var duration: Duration?

    @Option(help: "How long the load goes on before anything is measured.")
    var warmUp = Duration.seconds(1)

    @Option(help: "How long calls in flight have in the end.")
    var drain = Duration.seconds(10)

    @Option(help: ArgumentHelp("End after so many calls.", valueName: "calls"))
    var requests: UInt64?

    @Option(
        help: ArgumentHelp(
            "Give the run up (exit 1) when more of its calls than this fail, such as 1%.", valueName: "share")
    )
    var maxErrors: Share?

    @Option(help: ArgumentHelp("Connections closed and opened anew, such as 10/s.", valueName: "rate"))
    var churn: Rate?

    @Option(
        help: ArgumentHelp(
            "Connections beside the others that ask for long lists and never read.", valueName: "connections")
    )
    var slowReaders = 0

    /// The plan; throws a usage failure for options that do not go together.
    func plan(cores: Int) throws(LoadFailure) -> LoadPlan {
        var plan = LoadPlan(load: try load())
        plan.seed = seed
        plan.connections = try Self.check("--connections", connections, 1...10_000)
        plan.maximumInFlight = try Self.check("--max-in-flight", maxInFlight, 1...65_536)
        plan.threads = min(try Self.check("--threads", threads ?? (cores > 4 ? 2 : 1), 1...64), connections)
        plan.warmUp = warmUp.inSeconds
        plan.drain = drain.inSeconds
        plan.churn = churn?.perSecond ?? 0
        plan.slowReaders = try Self.check("--slow-readers", slowReaders, 0...1000)
        plan.maximumErrors = maxErrors?.fraction
        if let requests {
            guard requests > 0 else { throw LoadFailure("--requests is above 0", .usage) }
            plan.requests = requests
        }
        if case .closed(let concurrency, _) = plan.load, concurrency > plan.connections * plan.maximumInFlight
        {
            throw LoadFailure(
                "\(plan.connections) connections with --max-in-flight \(plan.maximumInFlight) have no room for "
                    + "--concurrency \(concurrency): give more --connections", .usage)
        }
        return plan
    }

    private func load() throws(LoadFailure) -> LoadPlan.Load {
        guard [rate != nil, stages != nil, concurrency != nil].count(where: { $0 }) <= 1 else {
            throw LoadFailure("choose one of --rate, --stages and --concurrency", .usage)
        }
        if let stages {
            guard duration == nil else {
                throw LoadFailure("--stages say themselves how long they last; leave --duration out", .usage)
            }
            do {
                return .open(try Stage.list(stages), arrivals)
            } catch {
                throw LoadFailure("\(error)", .usage)
            }
        }
        let seconds = (duration ?? .seconds(10)).inSeconds
        guard seconds > 0 else { throw LoadFailure("--duration is above 0", .usage) }
        if let concurrency {
            return .closed(
                concurrency: try Self.check("--concurrency", concurrency, 1...1_000_000), seconds: seconds)
        }
        let rate = rate ?? Rate(perSecond: 1000)
        guard rate.perSecond > 0 else { throw LoadFailure("--rate is above 0", .usage) }
        return .open([.steady(rate: rate.perSecond, seconds: seconds)], arrivals)
    }

    private static func check(
        _ name: String, _ value: Int, _ range: ClosedRange<Int>
    ) throws(LoadFailure) -> Int {
        guard range.contains(value) else {
            throw LoadFailure("\(name) is from \(range.lowerBound) to \(range.upperBound)", .usage)
        }
        return value
    }
}
