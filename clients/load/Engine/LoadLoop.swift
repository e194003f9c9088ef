// One event loop of the generator: when a call is due it is sent, whatever became of those before it. A call that finds
// no room on any connection waits its turn, and the wait is part of its response time: that is all there is to not
// omitting what a slow server would have been asked.
//
// In a closed loop calls follow answers instead. Writes are collected: a connection is written to once for each read and
// once for each tick, however many calls that are.

internal import Histogram
internal import NIOCore
internal import TTRPC

/// A loop's part of a run. Used on its event loop only.
final class LoadLoop {
    enum Phase {
        case waiting
        case running
        /// No call begins any more.
        case draining
        case over
    }

    /// A call that was to begin and found no room.
    struct Waiting {
        var scheduled: UInt64
        var step: Int?
    }

    /// Ticks are no closer together than this, so that calls which are due close together share a write.
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
    /// Calls that the open connections have room for.
    var room = 0
    private var nextSeat = 0

    // Of an open loop.
    private var arrivals: Arrivals?
    private var arrival: Arrivals.Arrival?
    private var waiting = CircularBuffer<Waiting>()
    /// 1 if the schedule begins with the warm-up.
    private let warmUpStages: Int
    /// Calls of a closed loop that are not in flight.
    private var idle = 0
    /// What is left of the calls that are to be measured.
    private var requestsLeft: UInt64?

    // Times, in nanoseconds of the monotonic clock.
    private(set) var now: UInt64 = 0
    private var start: UInt64 = 0
    private var measuredFrom: UInt64 = 0
    /// When each step ends; the last one moves when the run is stopped early.
    private var stepEnds: [UInt64] = []
    /// The step that goes on now; their count when all are over.
    private var currentStep = 0
    private var threadTime: UInt64 = 0
    private var second = SecondCount()
    private var secondNumber = 0

    /// A part of a plan: `index` of so many loops.
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
        requestsLeft = plan.requests.map { UInt64(share(Int(clamping: $0), index, loops)) }
        switch plan.load {
        case .open(let stages, let kind):
            warmUpStages = plan.warmUp > 0 ? 1 : 0
            let warmUp = stages.first.map { Stage.steady(rate: $0.firstRate, seconds: plan.warmUp) }
            arrivals = Arrivals(
                stages: (warmUpStages == 1 ? [warmUp].compactMap { $0 } : []) + stages, kind: kind,
                seed: plan.seed, loop: index, of: loops)
        case .closed(let concurrency, _):
            warmUpStages = 0
            idle = share(concurrency, index, loops)
        }
    }

    // MARK: The course of a run

    /// Begins at a time in the near future.
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
        }
        // The end of an open loop is the end of its schedule's last second, not its last call.
        scheduleEnd()
        scheduleSecond()
        beginChurn()
        tick()
    }

    private func scheduleEnd() {
        guard let end = stepEnds.last else { return }
        schedule(in: nanoseconds(until: end)) {
            // A loop that was held up still has calls of before the end to make; left out, they would be missing just when
            // the machine had no time.
            if self.arrivals != nil { self.tick() }
            if self.phase == .running { self.stop(at: end) }
        }
    }

    /// Begins no more calls, as if the time were over. Whatever waits is still sent.
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

    /// Sets how long each step lasted, which is less than planned if the run was stopped.
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
        guard phase == .draining, waiting.isEmpty else { return }
        guard connections.allSatisfy({ $0.map { $0.calls.count == 0 } ?? true }) else { return }
        finish()
    }

    /// Ends before it began: not all connections could be opened.
    func abandon() { finish() }

    /// Ends the calls that are left and gives the record away.
    private func finish() {
        guard phase != .over else { return }
        now = Clocks.now()
        for connection in connections {
            for call in connection?.takeCalls() ?? [] { cutOff(call) }
        }
        // They were to be made: to leave them out would make a server look the better the less it answers.
        while let call = waiting.popFirst() {
            cutOff(OpenCall(scheduled: call.scheduled, sent: now, step: call.step, call: workload.next()))
        }
        phase = .over
        if second.sent > 0 || second.response.totalCount > 0 { endSecond() }
        for connection in connections { connection?.close() }
        finished.succeed(record)
    }

    // MARK: Sending

    /// Reads the clock before what a read brought is looked at.
    func wake() {
        now = Clocks.now()
        while currentStep < stepEnds.count, now >= stepEnds[currentStep] { currentStep += 1 }
    }

    /// Sends all that is due and arranges for the next time.
    private func tick() {
        guard phase == .running else { return }
        wake()
        sendDue(preferring: nil)
        flush()
        guard phase == .running, arrivals != nil else { return }
        guard let arrival else { return }
        schedule(in: max(Self.tick, nanoseconds(until: start + arrival.time))) { self.tick() }
    }

    /// Sends what waits and what is due, as far as there is room.
    private func sendDue(preferring preferred: LoadConnection?) {
        while room > 0, let call = waiting.popFirst() {
            send(scheduled: call.scheduled, step: call.step, preferring: nil)
        }
        guard phase == .running else { return }
        if arrivals == nil {
            while idle > 0, room > 0, takeRequest(at: now) {
                idle -= 1
                send(scheduled: now, step: now < measuredFrom ? nil : 0, preferring: preferred)
            }
            return
        }
        while let due = arrival, start + due.time <= now {
            let step = due.stage < warmUpStages ? nil : due.stage - warmUpStages
            guard step == nil || takeRequest(at: measuredFrom) else { return }
            arrival = arrivals?.next()
            let scheduled = start + due.time
            if let step { record.steps[step].scheduled += 1 }
            if room > 0 {
                // A burst takes time itself, which is lateness, too.
                let time = Clocks.now()
                if step != nil { record.lateness.record((time - scheduled) / 1000) }
                send(scheduled: scheduled, step: step, preferring: nil, at: time)
            } else {
                if step != nil { record.overflowed += 1 }
                waiting.append(Waiting(scheduled: scheduled, step: step))
            }
        }
    }

    /// Counts a call against `--requests`, and stops the run when all are made; whether it may be made.
    private func takeRequest(at time: UInt64) -> Bool {
        guard let left = requestsLeft, time >= measuredFrom else { return true }
        guard left > 0 else {
            stop()
            return false
        }
        requestsLeft = left - 1
        return true
    }

    private func send(
        scheduled: UInt64, step: Int?, preferring preferred: LoadConnection?, at time: UInt64? = nil
    ) {
        guard let connection = connectionWithRoom(preferring: preferred) else { return }
        room -= 1
        second.sent += 1
        if let step {
            record.steps[step].sent += 1
            if arrivals == nil { record.steps[step].scheduled += 1 }
        }
        connection.send(
            OpenCall(scheduled: scheduled, sent: time ?? now, step: step, call: workload.next()))
    }

    /// Connections take turns; an answer's own goes on in a closed loop, so that its calls share a write.
    private func connectionWithRoom(preferring preferred: LoadConnection?) -> LoadConnection? {
        if let preferred, hasRoom(preferred) { return preferred }
        for _ in connections.indices {
            nextSeat = nextSeat + 1 < connections.count ? nextSeat + 1 : 0
            if let connection = connections[nextSeat], hasRoom(connection) { return connection }
        }
        return nil
    }

    func hasRoom(_ connection: LoadConnection) -> Bool {
        !connection.isRetiring && connection.calls.count < plan.maximumInFlight
    }

    private func flush() {
        for connection in connections { connection?.flush() }
    }

    // MARK: Answers

    /// Takes the answer of a call.
    func answered(_ open: OpenCall, _ code: Int, _ payload: ByteBufferView, on connection: LoadConnection) {
        if !connection.isRetiring { room += 1 }
        if arrivals == nil { idle += 1 }
        if now >= measuredFrom, currentStep < stepEnds.count {
            record.steps[currentStep].answered += 1
            if code == 0 { record.steps[currentStep].succeeded += 1 }
        }
        let expected = workload.ended(open.call, .answered(code: code, payload: payload))
        count(open, Outcome.index(ofCode: code), expected)
    }

    /// Ends a call that nobody answered.
    func cutOff(_ open: OpenCall) {
        if arrivals == nil { idle += 1 }
        count(open, Outcome.unanswered, workload.ended(open.call, .unanswered))
    }

    private func count(_ open: OpenCall, _ outcome: Int, _ expected: Bool) {
        let response = (now &- open.scheduled) / 1000
        second.outcomes[outcome] += 1
        if !expected { second.unexpected += 1 }
        second.response.record(response)
        guard let step = open.step else { return }
        record.steps[step].operations[open.call.operation].add(
            outcome, expected: expected, response: response, service: (now &- open.sent) / 1000)
    }

    /// Goes on after what a read brought.
    func readEnded(on connection: LoadConnection) {
        if connection.isRetiring, connection.calls.count == 0 { connection.close() }
        wake()
        sendDue(preferring: connection)
        if arrivals == nil, idle == 0 { connection.flush() } else { flush() }
        finishIfIdle()
    }

    /// Goes on after connections came or went.
    func connectionsChanged() {
        guard phase == .running || phase == .draining else { return }
        wake()
        sendDue(preferring: nil)
        flush()
        finishIfIdle()
    }

    // MARK: Time

    private func scheduleSecond() {
        let end = start + UInt64(secondNumber + 1) * 1_000_000_000
        schedule(in: nanoseconds(until: end)) {
            guard self.phase != .over else { return }
            self.endSecond()
            self.scheduleSecond()
        }
    }

    private func endSecond() {
        second.inFlight = connections.reduce(0) { $0 + ($1?.calls.count ?? 0) }
        let middle = start + UInt64(secondNumber) * 1_000_000_000 + 500_000_000
        second.step = middle < measuredFrom ? nil : min(stepIndex(at: middle), max(0, stepEnds.count - 1))
        timeline.add(second, second: secondNumber)
        second = SecondCount()
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

/// The part of one of so many that share a number as evenly as it can be.
func share(_ number: Int, _ index: Int, _ count: Int) -> Int {
    number / count + (index < number % count ? 1 : 0)
}
