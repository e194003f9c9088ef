// All loops of a generator: opens their connections, lets them begin together, stops them when it is enough, and puts
// together what they bring home. It outlives a run, because a search makes many with the same workloads.

internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import OpenSSL
internal import Synchronization
internal import TTRPC

/// What a run came to.
struct LoadRun: Sendable {
    var plan: LoadPlan
    var record: RunRecord
    var timeline: [TimelinePoint]
    /// Processor time of the whole program over the time of the run.
    var processorShare: Double
    /// Why it was given up before its end; nil if it was not.
    var givenUp: String?
}

/// Event loops with their workloads.
final class LoadGenerator: Sendable {
    private let target: Target
    private let group: MultiThreadedEventLoopGroup
    private let workloads: [NIOLoopBound<any Workload>]
    private let running = Mutex<[NIOLoopBound<LoadLoop>]>([])
    private let wasInterrupted = Atomic(false)
    private let reason = Mutex<String?>(nil)

    /// So many loops, each with a workload of its own.
    init(
        threads: Int, target: Target,
        workload: @escaping @Sendable (_ loop: Int, _ count: Int) -> any Workload
    ) async throws {
        self.target = target
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        self.group = group
        var workloads: [NIOLoopBound<any Workload>] = []
        for (index, eventLoop) in group.makeIterator().enumerated() {
            workloads.append(
                try await eventLoop.submit { NIOLoopBound(workload(index, threads), eventLoop: eventLoop) }
                    .get())
        }
        self.workloads = workloads
    }

    /// Makes sure that something answers there; throws what to do if not.
    static func check(_ target: Target) async throws(LoadFailure) {
        do throws(Status) {
            let client = try await Client.connect(to: target.address, security: security(of: target))
            await client.close()
        } catch {
            throw LoadFailure(
                error.message + " (start one with `clinicd serve`, or name another with --address)")
        }
    }

    private static func security(of target: Target) -> ChannelSecurity? {
        guard case .tls(let host, _) = target.address, let tls = target.tls else { return nil }
        return { channel in try tls.secure(channel, host: host).map { _ in nil } }
    }

    /// Makes a run. `report` is told every second, on an event loop.
    func run(
        _ plan: LoadPlan, report: @escaping @Sendable (TimelinePoint) -> Void = { _ in }
    ) async throws -> LoadRun {
        let errors = ErrorLimit(plan.maximumErrors)
        let timeline = Timeline(loops: workloads.count) { timeline, point in
            report(point)
            if let reason = errors.reason(timeline) { self.stop(reason) }
        }
        var finished: [EventLoopFuture<RunRecord>] = []
        var loops: [NIOLoopBound<LoadLoop>] = []
        reason.withLock { $0 = nil }
        for (index, workload) in workloads.enumerated() {
            let eventLoop = workload.eventLoop
            let promise = eventLoop.makePromise(of: RunRecord.self)
            finished.append(promise.futureResult)
            let (target, count) = (target, workloads.count)
            loops.append(
                try await eventLoop.submit {
                    NIOLoopBound(
                        LoadLoop(
                            plan: plan, target: target, workload: workload.value, index: index, of: count,
                            eventLoop: eventLoop, timeline: timeline, finished: promise),
                        eventLoop: eventLoop)
                }.get())
        }
        do {
            for loop in loops { try await loop.eventLoop.flatSubmit { loop.value.connect() }.get() }
        } catch {
            for loop in loops { loop.eventLoop.execute { loop.value.abandon() } }
            for future in finished { _ = try? await future.get() }
            throw LoadFailure("cannot open \(plan.connections) connections to \(target.address): \(error)")
        }
        var slowReaders: [any Channel] = []
        for _ in 0..<plan.slowReaders { slowReaders.append(try await SlowReader.open(target, on: group)) }
        let (begun, processorTime) = (Clocks.now(), Clocks.processTime())
        running.withLock { $0 = loops }
        // All begin at the same moment, which all of them hear of before it comes.
        for loop in loops { loop.eventLoop.execute { loop.value.run(from: begun + 5_000_000) } }
        var record: RunRecord?
        for future in finished {
            let part = try await future.get()
            if record?.add(part) == nil { record = part }
        }
        running.withLock { $0 = [] }
        for channel in slowReaders { channel.close(promise: nil) }
        timeline.complete()
        let time = Double(max(1, Clocks.now() - begun))
        return LoadRun(
            plan: plan, record: record ?? RunRecord(operations: [], steps: []), timeline: timeline.points,
            processorShare: Double(Clocks.processTime() - processorTime) / time,
            givenUp: reason.withLock { $0 })
    }

    /// Ends the present run early, and lets a search make no other.
    func interrupt() {
        wasInterrupted.store(true, ordering: .relaxed)
        stop(nil)
    }

    var isInterrupted: Bool { wasInterrupted.load(ordering: .relaxed) }

    /// Begins no more calls in the present run, which is given up if there is a reason.
    private func stop(_ text: String?) {
        reason.withLock { $0 = $0 ?? text }
        for loop in running.withLock({ $0 }) { loop.eventLoop.execute { loop.value.stop() } }
    }

    /// Ends the loops.
    func shutdown() async {
        try? await group.shutdownGracefully()
    }

    /// The most memory that the program has had, in bytes.
    static var peakMemoryBytes: UInt64 {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return UInt64(max(0, usage.ru_maxrss)) * 1024
    }
}

/// `--max-errors`: looks at the calls so far, once there are enough of them to speak of a share.
private struct ErrorLimit: Sendable {
    private static let fewest: UInt64 = 100

    let maximum: Double?

    init(_ maximum: Double?) { self.maximum = maximum }

    func reason(_ timeline: Timeline) -> String? {
        guard let maximum else { return nil }
        let errors = timeline.errors
        guard errors.of >= Self.fewest, errors.share > maximum else { return nil }
        return
            "\(Share(errors.share).text) of the calls failed, and --max-errors allows \(Share(maximum).text)"
    }
}
