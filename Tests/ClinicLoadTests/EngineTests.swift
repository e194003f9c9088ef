import Foundation
import Histogram
import RPC
import TestWaiting
import Testing

@testable import clinic_load

struct EngineTests {
    private func open(_ rate: Double, seconds: Double) -> LoadPlan {
        var plan = LoadPlan(load: .open([.steady(rate: rate, seconds: seconds)], .constant))
        plan.warmUp = 0.1
        plan.connections = 2
        return plan
    }

    @Test func `an open loop sends all due calls and counts each once`() async throws {
        try await LoadedServer.serving({ _ in }) { server in
            let run = try await runLoad(at: server.address, open(500, seconds: 1))
            let step = run.record.whole
            #expect(step.scheduled == 500 && step.sent == 500)
            #expect(step.total.count == 500 && step.total.unexpected == 0)
            #expect(server.seen.calls == 550)
            #expect(run.timeline.reduce(0) { $0 + $1.sent } == 550)
            #expect(run.timeline.reduce(0) { $0 + $1.statuses.values.reduce(0, +) } == 550)
            #expect(run.record.lateness.totalCount + run.record.overflowed == 500)
            #expect(run.record.connectionsOpened == 2 && run.record.connectionsLost == 0)
        }
    }

    @Test func `a stall of the server shows in the response times of all delayed calls`() async throws {
        let stall = 0.3
        func run(_ load: LoadPlan.Load) async throws -> OperationRecord {
            try await LoadedServer.serving({ number in
                // Blocks the server's only thread.
                if number == 200 { usleep(UInt32(stall * 1e6)) }
            }) { server in
                var plan = LoadPlan(load: load)
                plan.warmUp = 0
                plan.connections = 1
                plan.maximumInFlight = 1
                return try await runLoad(at: server.address, plan).record.whole.total
            }
        }
        let opened = try await run(.open([.steady(rate: 500, seconds: 2)], .constant))
        // 150 of 1,000 calls were due during the stall; the last of them hardly waited.
        #expect(opened.allResponses.valueAtPercentile(99) > 200_000)
        #expect(opened.allResponses.valueAtPercentile(92) > 50_000)
        // Only one was sent during the stall.
        #expect(opened.service.valueAtPercentile(99) < 200_000)
        #expect(opened.service.max >= 300_000)
        // For comparison: a closed loop hardly notices the stall.
        let closed = try await run(.closed(concurrency: 1, seconds: 2))
        #expect(closed.allResponses.max >= 300_000)
        #expect(closed.allResponses.valueAtPercentile(99) < 200_000)
    }

    @Test func `a closed loop never exceeds its number of calls in flight`() async throws {
        try await LoadedServer.serving({ _ in try await Task.sleep(for: .milliseconds(2)) }) { server in
            var plan = LoadPlan(load: .closed(concurrency: 7, seconds: 0.5))
            plan.connections = 3
            plan.threads = 2
            plan.warmUp = 0
            let run = try await runLoad(at: server.address, plan)
            #expect(server.seen.mostRunning == 7)
            let step = run.record.whole
            #expect(step.sent > 50 && step.total.count == step.sent)
            #expect(UInt64(server.seen.calls) == step.sent)
        }
    }

    @Test func `calls beyond the limit in flight are queued and counted as overflowed`() async throws {
        try await LoadedServer.serving({ _ in try await Task.sleep(for: .milliseconds(20)) }) { server in
            var plan = open(1000, seconds: 0.3)
            plan.connections = 1
            plan.maximumInFlight = 4
            let run = try await runLoad(at: server.address, plan)
            #expect(server.seen.mostRunning == 4)
            #expect(run.record.overflowed > 200)
            #expect(run.record.whole.total.count == 300)
            #expect(run.record.whole.total.allResponses.valueAtPercentile(99) > 500_000)
            #expect(run.record.whole.total.service.valueAtPercentile(50) < 200_000)
            // The server, not the generator, was behind.
            #expect(run.record.lateness.totalCount < 100)
        }
    }

    @Test func `calls without a response at the end of the drain are counted`() async throws {
        try await LoadedServer.serving({ _ in try await Task.sleep(for: .seconds(2)) }) { server in
            var plan = open(100, seconds: 0.2)
            plan.warmUp = 0
            plan.connections = 1
            plan.maximumInFlight = 5
            plan.drain = 0.1
            let run = try await runLoad(at: server.address, plan)
            let step = run.record.whole
            #expect(step.scheduled == 20 && step.sent == 5 && step.answered == 0 && step.open == 5)
            let report = StepReport(step, .open(rate: 100, poisson: false), run.record.operations)
            #expect(report.total.statuses.map(\.status) == ["NO_ANSWER"])
            #expect(report.total.statuses.map(\.count) == [20])
            #expect(report.total.statuses.allSatisfy { !$0.expected })
        }
    }

    @Test func `a lost connection ends its calls without a response and is reopened`() async throws {
        let server = try await CuttingServer(connectionsToCut: 2, afterCalls: 50)
        let run = try await runLoad(at: server.address, open(1000, seconds: 1))
        try await server.stop()
        #expect(run.record.connectionsLost == 2)
        #expect(run.record.connectionsOpened == 4)
        let total = OperationReport("all", run.record.whole.total)
        let counts = Dictionary(uniqueKeysWithValues: total.statuses.map { ($0.status, $0.count) })
        #expect(counts.values.reduce(0, +) == 1000)
        // How many calls the two lost connections affect depends on the load of the machine; most calls come later.
        #expect((counts["OK"] ?? 0) > 500)
    }

    @Test func `churn of connections loses no call`() async throws {
        try await LoadedServer.serving({ _ in }) { server in
            var plan = open(1000, seconds: 1)
            plan.churn = 20
            let run = try await runLoad(at: server.address, plan)
            #expect(run.record.connectionsOpened > 10 && run.record.connectionsLost == 0)
            #expect(run.record.whole.total.count == 1000)
            #expect(run.record.whole.total.unexpected == 0)
        }
    }

    @Test func `a generator delayed beyond the end still makes every call`() async throws {
        try await LoadedServer.serving({ _ in }) { server in
            var plan = open(1000, seconds: 0.5)
            plan.warmUp = 0
            let run = try await withGenerator(
                at: server.address, workload: { DelayedWorkload($0, call: 400, seconds: 0.3) }
            ) { try await $0.run(plan) }
            #expect(run.record.whole.scheduled == 500)
            #expect(run.record.whole.total.count == 500)
        }
    }

    /// Loads, and how many threads make them.
    private static let loads: [(LoadPlan.Load, Int)] = [
        (.closed(concurrency: 10, seconds: 60), 1), (.closed(concurrency: 64, seconds: 60), 2),
        (.closed(concurrency: 1, seconds: 60), 2), (.open([.steady(rate: 2000, seconds: 60)], .constant), 2),
    ]

    @Test(arguments: [7, 64, 333], loads)
    private func `the run ends when the last of the given number of calls has been answered`(
        _ requests: UInt64, _ load: (LoadPlan.Load, threads: Int)
    ) async throws {
        try await LoadedServer.serving({ _ in }) { server in
            var plan = LoadPlan(load: load.0)
            plan.warmUp = 0
            plan.threads = load.threads
            plan.requests = requests
            let run = try await runLoad(at: server.address, plan)
            let whole = run.record.whole
            #expect(whole.sent == requests && server.seen.calls == requests)
            #expect(whole.answered == requests && whole.succeeded == requests && whole.open == 0)
            #expect(whole.seconds < 30)
        }
    }

    @Test func `calls of the warm-up are not counted, whenever they are answered`() async throws {
        try await LoadedServer.serving({ _ in try await Task.sleep(for: .milliseconds(20)) }) { server in
            var plan = LoadPlan(load: .closed(concurrency: 64, seconds: 60))
            plan.warmUp = 0.1
            plan.requests = 100
            let whole = try await runLoad(at: server.address, plan).record.whole
            #expect(whole.sent == 100 && whole.answered == 100)
        }
    }

    @Test func `too many failures abort the run`() async throws {
        try await LoadedServer.serving({ _ in throw Status(.internal, "no") }) { server in
            var plan = open(500, seconds: 60)
            plan.maximumErrors = 0.5
            let run = try await runLoad(at: server.address, plan)
            #expect(run.abortReason?.contains("--max-errors") == true)
            #expect(run.record.whole.seconds < 30)
            #expect(run.record.whole.total.unexpected == run.record.whole.total.count)
        }
    }

    @Test func `an interrupt ends the run and keeps its results`() async throws {
        try await LoadedServer.serving({ _ in }) { server in
            let run = try await runLoad(at: server.address, open(500, seconds: 60)) { generator in
                try await eventually("a hundred calls") { server.seen.calls >= 100 }
                generator.interrupt()
            }
            #expect(run.abortReason == nil)
            #expect(run.record.whole.total.count > 0 && run.record.whole.seconds < 30)
            #expect(run.record.whole.total.count == run.record.whole.sent)
        }
    }

    @Test func `a search finds the capacity of a server`() async throws {
        // Four calls at a time of 10 ms each: at most 400 per second.
        try await LoadedServer.serving({ _ in try await Task.sleep(for: .milliseconds(10)) }) { server in
            try await withGenerator(at: server.address) { generator in
                var plan = open(100, seconds: 0.5)
                plan.connections = 1
                plan.maximumInFlight = 4
                let objectives = ["p90<60ms"].compactMap(Assertion.init(argument:))
                let search = MaximumSearch(generator: generator, plan: plan, objectives: objectives)
                let found = try await search.run(announce: { _ in }, second: { _ in })
                let rate = try #require(found.report.maximumRate)
                // On a busy machine any trial may fail, but the result cannot exceed the capacity.
                #expect(rate > 0 && rate < 520)
                #expect(found.report.trials.contains { !$0.passed && $0.rate >= rate })
            }
        }
    }

    @Test func `the error for a missing server names it and what to do`() async throws {
        let failure = await #expect(throws: LoadFailure.self) {
            try await LoadGenerator.check(Target(address: .unix(path: "/tmp/clinic-load-nowhere.sock")))
        }
        let text = failure?.description ?? ""
        #expect(text.contains("/tmp/clinic-load-nowhere.sock") && text.contains("clinicd serve"))
    }
}

/// Wraps a workload and delays one call, as on an overloaded machine.
private final class DelayedWorkload: Workload {
    private let workload: any Workload
    private let number: Int
    private let seconds: Double
    private var count = 0

    init(_ workload: any Workload, call number: Int, seconds: Double) {
        self.workload = workload
        self.number = number
        self.seconds = seconds
    }

    var operations: [String] { workload.operations }

    func next() -> WorkloadCall {
        count += 1
        if count == number { Thread.sleep(forTimeInterval: seconds) }
        return workload.next()
    }

    func ended(_ call: WorkloadCall, _ ending: CallEnding) -> Bool { workload.ended(call, ending) }
}
