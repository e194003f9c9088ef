// One event loop of the generator. In an open loop a due call is sent regardless of earlier calls. A call without
// capacity on any connection is queued, and the wait counts as response time, which avoids coordinated omission.
//
// In a closed loop responses trigger the next calls. Writes are collected: each connection is written to once per
// read and once per tick.

internal import Histogram
internal import NIOCore
internal import RPC

/// One loop's part of a run. Confined to its event loop.
final class LoadLoop {
    enum Phase {
        case waiting
        case running
        /// No more calls start.
        case draining
        case finished
    }

    /// A due call without capacity.
    struct QueuedCall {
        var scheduled: UInt64
        var step: Int?
    }

    /// The minimum interval between ticks in nanoseconds, so that calls due at nearly the same time share a write.
    static let tick: Int64 = 100_000

    let eventLoop: any EventLoop
    let target: Target
    let plan: LoadPlan
    let workload: any Workload
    private let timeline: Timeline
    private let finished: EventLoopPromise<RunRecord>

    var phase = Phase.waiting
    var record: RunRecord
    var connections: [LoadConnection?]
    var backoff: [Int64]
    /// How many more calls the open connections can take.
    var freeCapacity = 0
    private var nextIndex = 0

    // The state of an open loop.
    private var arrivals: ArrivalSchedule?
    private var arrival: ArrivalSchedule.Arrival?
    private var queue = CircularBuffer<QueuedCall>()
    /// 1 if the schedule starts with the warm-up, else 0.
    private let warmUpStages: Int
    /// How many calls of a closed loop are not in flight.
    private var idle = 0
    /// How many calls are left to measure; nil without a limit.
    private var requestsLeft: UInt64?

    // Times in nanoseconds of the monotonic clock.
    private(set) var now: UInt64 = 0
    private var start: UInt64 = 0
    private var measuredFrom: UInt64 = 0
    /// The end of each step; the last one moves if the run is stopped early.
    private var stepEnds: [UInt64] = []
    /// The current step; the number of steps after the last one.
    private var currentStep = 0
    private var threadTime: UInt64 = 0
    private var second = SecondRecord()
    /// The calls that were sent and have not ended.
    private var openCalls = 0
    private var secondNumber = 0

    /// Makes loop `index` of `loops` for a plan.
    init(
        plan: LoadPlan, target: Target, workload: any Workload, index: Int, of loops: Int,
        eventLoop: any EventLoop, timeline: Timeline, finished: EventLoopPromise<RunRecord>
    ) {
        self.plan = plan
        self.target = target
        self.workload = workload
        self.eventLoop = eventLoop
        self.timeline = timeline
        self.finished = finished
        record = RunRecord(
            operations: workload.operations,
            steps: plan.stepEnds.map { _ in StepRecord(operations: workload.operations.count) })
        let count = share(plan.connections, index, loops)
        connections = Array(repeating: nil, count: count)
        backoff = Array(repeating: 0, count: count)
        var callers = loops
        switch plan.load {
        case .open(let stages, let kind):
            warmUpStages = plan.warmUp > 0 ? 1 : 0
            let warmUp = stages.first.map { Stage.steady(rate: $0.firstRate, seconds: plan.warmUp) }
            arrivals = ArrivalSchedule(
                stages: (warmUpStages == 1 ? [warmUp].compactMap { $0 } : []) + stages, kind: kind,
                seed: plan.seed, loop: index, of: loops)
        case .closed(let concurrency, _):
            warmUpStages = 0
            idle = share(concurrency, index, loops)
            // A loop that keeps no call in flight could not make its share of them.
            callers = min(loops, concurrency)
        }
        requestsLeft = plan.requests.map {
            index < callers ? UInt64(share(Int(clamping: $0), index, callers)) : 0
        }
    }

    // MARK: Phases of a run

    /// Starts at a time in the near future.
    func run(from start: UInt64) {
        self.start = start
        measuredFrom = start + UInt64(plan.warmUp * 1e9)
        stepEnds = plan.stepEnds.map { measuredFrom + UInt64($0 * 1e9) }
        phase = .running
        arrival = arrivals?.next()
        threadTime = Clocks.threadTime()
        let lead = Int64(clamping: start) - Int64(clamping: Clocks.now())
        schedule(in: max(0, lead)) { self.begin() }
    }

    private func begin() {
        schedule(in: nanoseconds(until: measuredFrom)) {
            self.threadTime = Clocks.threadTime()
            self.updateClock()
            self.finishIfIdle()
        }
        // An open loop ends with its schedule's last second, not with its last call.
        scheduleEnd()
        scheduleSecond()
        beginChurn()
        tick()
    }

    private func scheduleEnd() {
        guard let end = stepEnds.last else { return }
        schedule(in: nanoseconds(until: end)) {
            // A delayed loop may still have due calls. Omitting them would drop calls exactly when the machine is
            // overloaded.
            if self.arrivals != nil { self.tick() }
            if self.phase == .running { self.stop(at: end) }
        }
    }

    /// Starts no more calls, as at the end of the time. Queued calls are still sent.
    func stop(at end: UInt64 = Clocks.now()) {
        guard phase == .running else { return }
        phase = .draining
        closeSteps(at: end)
        let processorTime = Clocks.threadTime() &- threadTime
        let duration = Double(max(1, Clocks.now() &- measuredFrom))
        record.loopShare = Clocks.now() > measuredFrom ? Double(processorTime) / duration : 0
        schedule(in: Int64(plan.drain * 1e9)) { self.finish() }
        finishIfIdle()
    }

    /// Records how long each step lasted, which is less than planned if the run was stopped.
    private func closeSteps(at end: UInt64) {
        var begin = measuredFrom
        for index in stepEnds.indices {
            let stepEnd = min(stepEnds[index], max(end, begin))
            record.steps[index].seconds = Double(stepEnd - begin) / 1e9
            stepEnds[index] = stepEnd
            begin = stepEnd
        }
    }

    private func finishIfIdle() {
        stopIfComplete()
        guard phase == .draining, hasNothingInFlight else { return }
        finish()
    }

    /// Ends a run that could not start because a connection failed.
    func abandon() { finish() }

    /// Ends the remaining calls and delivers the record.
    private func finish() {
        guard phase != .finished else { return }
        now = Clocks.now()
        for connection in connections {
            for call in connection?.takeCalls() ?? [] { endUnanswered(call) }
        }
        // Queued calls count as unanswered; omitting them would make a server look better the less it responds.
        while let call = queue.popFirst() {
            endUnanswered(
                InFlightCall(scheduled: call.scheduled, sent: now, step: call.step, call: workload.next()))
        }
        phase = .finished
        if second.sent > 0 || second.response.totalCount > 0 { endSecond() }
        for connection in connections { connection?.close() }
        finished.succeed(record)
    }

    // MARK: Sending

    /// Updates the current time and step.
    func updateClock() {
        now = Clocks.now()
        while currentStep < stepEnds.count, now >= stepEnds[currentStep] { currentStep += 1 }
    }

    /// Sends all due calls and schedules the next tick.
    private func tick() {
        guard phase == .running else { return }
        updateClock()
        sendDue(preferring: nil)
        flush()
        finishIfIdle()
        guard phase == .running, let arrival else { return }
        schedule(in: max(Self.tick, nanoseconds(until: start + arrival.time))) { self.tick() }
    }

    /// Sends queued and due calls while there is capacity.
    private func sendDue(preferring preferred: LoadConnection?) {
        while freeCapacity > 0, let call = queue.popFirst() {
            send(scheduled: call.scheduled, step: call.step, preferring: nil)
        }
        guard phase == .running else { return }
        if arrivals == nil {
            while idle > 0, freeCapacity > 0, takeRequest(at: now) {
                idle -= 1
                send(scheduled: now, step: now < measuredFrom ? nil : 0, preferring: preferred)
            }
            return
        }
        while let due = arrival, start + due.time <= now {
            let step = due.stage < warmUpStages ? nil : due.stage - warmUpStages
            guard step == nil || takeRequest(at: measuredFrom) else {
                arrival = nil
                return
            }
            arrival = arrivals?.next()
            let scheduled = start + due.time
            if let step { record.steps[step].scheduled += 1 }
            if freeCapacity > 0 {
                // Sending a burst takes time, which counts as lateness too.
                let time = Clocks.now()
                if step != nil { record.lateness.record((time - scheduled) / 1000) }
                send(scheduled: scheduled, step: step, preferring: nil, at: time)
            } else {
                if step != nil { record.overflowed += 1 }
                queue.append(QueuedCall(scheduled: scheduled, step: step))
            }
        }
    }

    /// Counts a call against `--requests`; returns whether the call may start.
    private func takeRequest(at time: UInt64) -> Bool {
        guard let left = requestsLeft, time >= measuredFrom else { return true }
        guard left > 0 else { return false }
        requestsLeft = left - 1
        return true
    }

    /// Ends the run when the last of `--requests` is over, so that its responses lie within the measured time.
    private func stopIfComplete() {
        guard phase == .running, requestsLeft == 0, now >= measuredFrom, hasNothingInFlight else { return }
        stop(at: max(now, measuredFrom + 1))
    }

    private var hasNothingInFlight: Bool {
        queue.isEmpty && connections.allSatisfy { $0.map { $0.calls.count == 0 } ?? true }
    }

    private func send(
        scheduled: UInt64, step: Int?, preferring preferred: LoadConnection?, at time: UInt64? = nil
    ) {
        guard let connection = connectionWithCapacity(preferring: preferred) else { return }
        freeCapacity -= 1
        second.sent += 1
        openCalls += 1
        second.mostInFlight = max(second.mostInFlight, openCalls)
        if let step {
            record.steps[step].sent += 1
            if arrivals == nil { record.steps[step].scheduled += 1 }
        }
        connection.send(
            InFlightCall(scheduled: scheduled, sent: time ?? now, step: step, call: workload.next()))
    }

    /// Connections are used in turn. A closed loop prefers the connection of the response, so that calls share a
    /// write.
    private func connectionWithCapacity(preferring preferred: LoadConnection?) -> LoadConnection? {
        if let preferred, hasCapacity(preferred) { return preferred }
        for _ in connections.indices {
            nextIndex = nextIndex + 1 < connections.count ? nextIndex + 1 : 0
            if let connection = connections[nextIndex], hasCapacity(connection) { return connection }
        }
        return nil
    }

    func hasCapacity(_ connection: LoadConnection) -> Bool {
        !connection.isRetiring && connection.calls.count < plan.maximumInFlight
    }

    private func flush() {
        for connection in connections { connection?.flush() }
    }

    // MARK: Responses

    /// Handles the response to a call.
    func didReceiveResponse(
        _ inFlight: InFlightCall, _ code: Int, _ payload: ByteBufferView, on connection: LoadConnection
    ) {
        if !connection.isRetiring { freeCapacity += 1 }
        if arrivals == nil { idle += 1 }
        if code == 0, now >= measuredFrom, currentStep < stepEnds.count {
            record.steps[currentStep].succeeded += 1
        }
        let expected = workload.ended(inFlight.call, .answered(code: code, payload: payload))
        count(inFlight, CallOutcome.index(ofCode: code), expected)
    }

    /// Ends a call without a response.
    func endUnanswered(_ inFlight: InFlightCall) {
        if arrivals == nil { idle += 1 }
        count(inFlight, CallOutcome.unanswered, workload.ended(inFlight.call, .unanswered))
    }

    private func count(_ inFlight: InFlightCall, _ outcome: Int, _ expected: Bool) {
        openCalls -= 1
        let response = (now &- inFlight.scheduled) / 1000
        second.outcomes[outcome] += 1
        if !expected { second.unexpected += 1 }
        second.response.record(response)
        guard let step = inFlight.step else { return }
        record.steps[step].operations[inFlight.call.operation].add(
            outcome, expected: expected, response: response, service: (now &- inFlight.sent) / 1000)
    }

    /// Continues after the responses of one read.
    func didCompleteRead(on connection: LoadConnection) {
        if connection.isRetiring, connection.calls.count == 0 { connection.close() }
        updateClock()
        sendDue(preferring: connection)
        if arrivals == nil, idle == 0 { connection.flush() } else { flush() }
        finishIfIdle()
    }

    /// Continues after connections opened or closed.
    func connectionsChanged() {
        guard phase == .running || phase == .draining else { return }
        updateClock()
        sendDue(preferring: nil)
        flush()
        finishIfIdle()
    }

    // MARK: Time

    private func scheduleSecond() {
        let end = start + UInt64(secondNumber + 1) * 1_000_000_000
        schedule(in: nanoseconds(until: end)) {
            guard self.phase != .finished else { return }
            self.endSecond()
            self.scheduleSecond()
        }
    }

    private func endSecond() {
        second.inFlight = connections.reduce(0) { $0 + ($1?.calls.count ?? 0) }
        let middle = start + UInt64(secondNumber) * 1_000_000_000 + 500_000_000
        second.step = middle < measuredFrom ? nil : min(stepIndex(at: middle), max(0, stepEnds.count - 1))
        timeline.add(second, second: secondNumber)
        second = SecondRecord()
        second.mostInFlight = openCalls
        secondNumber += 1
    }

    private func stepIndex(at time: UInt64) -> Int {
        stepEnds.firstIndex { time < $0 } ?? stepEnds.count
    }

    private func nanoseconds(until time: UInt64) -> Int64 {
        max(0, Int64(clamping: time) - Int64(clamping: Clocks.now()))
    }

    func schedule(in nanoseconds: Int64, _ body: @escaping () -> Void) {
        eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(nanoseconds), body)
    }
}

/// The share of participant `index` when `count` participants divide `number` as evenly as possible.
func share(_ number: Int, _ index: Int, _ count: Int) -> Int {
    number / count + (index < number % count ? 1 : 0)
}
