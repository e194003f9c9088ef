// Runs the load on all event loops: opens connections, starts the loops together, stops them, and merges their
// records. A generator outlives a run, because a search makes many runs with the same workloads.

internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import OpenSSL
internal import RPC
internal import Synchronization
internal import TTRPC

/// The result of a run.
struct LoadRun: Sendable {
    var plan: LoadPlan
    var record: RunRecord
    var timeline: [TimelinePoint]
    /// The processor time of the program divided by the duration of the run.
    var processorShare: Double
    /// Why the run was aborted; nil if it was not.
    var abortReason: String?
}

/// A load generator: event loops with their workloads.
final class LoadGenerator: Sendable {
    private let target: Target
    private let group: MultiThreadedEventLoopGroup
    private let workloads: [NIOLoopBound<any Workload>]
    private let running = Mutex<[NIOLoopBound<LoadLoop>]>([])
    private let wasInterrupted = Atomic(false)
    private let reason = Mutex<String?>(nil)

    /// Makes `threads` loops, each with its own workload.
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

    /// Checks that a server accepts connections; throws a message with what to do if not.
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

    /// Makes a run. `report` is called every second on an event loop.
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
        let (started, processorTime) = (Clocks.now(), Clocks.processTime())
        running.withLock { $0 = loops }
        // All loops start at the same time, slightly in the future.
        for loop in loops { loop.eventLoop.execute { loop.value.run(from: started + 5_000_000) } }
        var record: RunRecord?
        for future in finished {
            let part = try await future.get()
            if record?.add(part) == nil { record = part }
        }
        running.withLock { $0 = [] }
        for channel in slowReaders { channel.close(promise: nil) }
        timeline.complete()
        let time = Double(max(1, Clocks.now() - started))
        return LoadRun(
            plan: plan, record: record ?? RunRecord(operations: [], steps: []), timeline: timeline.points,
            processorShare: Double(Clocks.processTime() - processorTime) / time,
            abortReason: reason.withLock { $0 })
    }

    /// Ends the current run early and prevents further trials.
    func interrupt() {
        wasInterrupted.store(true, ordering: .relaxed)
        stop(nil)
    }

    var isInterrupted: Bool { wasInterrupted.load(ordering: .relaxed) }

    /// Starts no more calls in the current run; with a reason, the run counts as aborted.
    private func stop(_ text: String?) {
        reason.withLock { $0 = $0 ?? text }
        for loop in running.withLock({ $0 }) { loop.eventLoop.execute { loop.value.stop() } }
    }

    /// Shuts the event loops down.
    func shutdown() async {
        try? await group.shutdownGracefully()
    }

    /// The peak memory use of the program in bytes.
    static var peakMemoryBytes: UInt64 {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return UInt64(max(0, usage.ru_maxrss)) * 1024
    }
}

/// `--max-errors`: checks the share of errors once enough calls have ended.
private struct ErrorLimit: Sendable {
    private static let minimumCalls: UInt64 = 100

    let maximum: Double?

    init(_ maximum: Double?) { self.maximum = maximum }

    func reason(_ timeline: Timeline) -> String? {
        guard let maximum else { return nil }
        let errors = timeline.errors
        guard errors.of >= Self.minimumCalls, errors.share > maximum else { return nil }
        return
            "\(Share(errors.share).text) of the calls failed; --max-errors allows \(Share(maximum).text)"
    }
}
