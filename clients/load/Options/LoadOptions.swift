// The load options: rate, duration and limits.

internal import ArgumentParser

extension ArrivalKind: ExpressibleByArgument {}

/// The shape of the load and its limits.
struct LoadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Open loop: calls start at this rate regardless of the server, such as 2000/s. [default: 1000/s]",
            valueName: "rate"))
    var rate: Rate?

    @Option(help: "The arrival process of an open loop: constant or poisson.")
    var arrivals = ArrivalKind.constant

    @Option(help: "The seed of random choices; the same seed repeats them.")
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp(
            "Open loop in stages, such as 1000/s:10s,2000/s:10s; ramp:100/s..5000/s:30s; spike:100/s..5000/s:30s.",
            valueName: "stages"))
    var stages: String?

    @Option(
        help: ArgumentHelp(
            "Closed loop: this many calls in flight; a slow server gets fewer calls.", valueName: "calls"))
    var concurrency: Int?

    @Option(help: "Connections among which the calls are distributed.")
    var connections = 8

    @Option(
        help: ArgumentHelp(
            "Calls in flight per connection; further calls are queued, and their response time includes the wait.",
            valueName: "calls"))
    var maxInFlight = 128

    @Option(help: "Event loops of the generator. [default: 1 on up to 4 cores, else 2]")
    var threads: Int?

    @Option(help: "The measured time, such as 30s or 5m. [default: 10s]")
    var duration: Duration?

    @Option(help: "The load's duration before the measurement starts.")
    var warmUp = Duration.seconds(1)

    @Option(help: "The time for calls in flight to finish at the end.")
    var drain = Duration.seconds(10)

    @Option(help: ArgumentHelp("End after this many calls.", valueName: "calls"))
    var requests: UInt64?

    @Option(
        help: ArgumentHelp(
            "Abort the run (exit 1) if a larger share of calls fails, such as 1%.", valueName: "share")
    )
    var maxErrors: Share?

    @Option(
        help: ArgumentHelp("The rate of connections closed and reopened, such as 10/s.", valueName: "rate"))
    var churn: Rate?

    @Option(
        help: ArgumentHelp(
            "Additional connections that request long lists and never read the responses.",
            valueName: "connections")
    )
    var slowReaders = 0

    /// The plan of the run; throws a usage failure for incompatible options.
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
            guard requests > 0 else { throw LoadFailure("--requests must be above 0", .usage) }
            plan.requests = requests
        }
        if case .closed(let concurrency, _) = plan.load, concurrency > plan.connections * plan.maximumInFlight
        {
            throw LoadFailure(
                "\(plan.connections) connections with --max-in-flight \(plan.maximumInFlight) cannot carry "
                    + "--concurrency \(concurrency); increase --connections", .usage)
        }
        return plan
    }

    private func load() throws(LoadFailure) -> LoadPlan.Load {
        guard [rate != nil, stages != nil, concurrency != nil].count(where: { $0 }) <= 1 else {
            throw LoadFailure("choose one of --rate, --stages and --concurrency", .usage)
        }
        if let stages {
            guard duration == nil else {
                throw LoadFailure("--stages include their durations; omit --duration", .usage)
            }
            do {
                return .open(try Stage.list(stages), arrivals)
            } catch {
                throw LoadFailure("\(error)", .usage)
            }
        }
        let seconds = (duration ?? .seconds(10)).inSeconds
        guard seconds > 0 else { throw LoadFailure("--duration must be above 0", .usage) }
        if let concurrency {
            return .closed(
                concurrency: try Self.check("--concurrency", concurrency, 1...1_000_000), seconds: seconds)
        }
        let rate = rate ?? Rate(perSecond: 1000)
        guard rate.perSecond > 0 else { throw LoadFailure("--rate must be above 0", .usage) }
        return .open([.steady(rate: rate.perSecond, seconds: seconds)], arrivals)
    }

    private static func check(
        _ name: String, _ value: Int, _ range: ClosedRange<Int>
    ) throws(LoadFailure) -> Int {
        guard range.contains(value) else {
            throw LoadFailure("\(name) must be from \(range.lowerBound) to \(range.upperBound)", .usage)
        }
        return value
    }
}
