// The rules of a connection, called one by one without a connection.

import NIOCore
import Testing

@testable import RPC
@testable import TTRPC

private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

private func request(_ streamID: UInt32, length: UInt32 = 10) -> FrameHeader {
    FrameHeader(length: length, streamID: streamID, type: 1)
}

private func data(_ streamID: UInt32) -> FrameHeader {
    FrameHeader(length: 4, streamID: streamID, type: 3)
}

private func waitingTask() -> Task<Void, Never> {
    Task { try? await Task.sleep(for: .seconds(3600)) }
}

/// Holds the rules for frames and the calls in flight, since `#expect` cannot look into what is not copyable.
private final class Rules {
    private var frames: FrameRules
    private var calls: CallTable

    init(_ configuration: ServerConfiguration = ServerConfiguration()) {
        frames = FrameRules(configuration: configuration)
        calls = CallTable(configuration: configuration)
    }

    var isFinished: Bool { calls.isFinished }
    var runningHandlers: Int { calls.runningHandlers }
    var nextDeadline: NIODeadline? { calls.nextDeadline }

    func received(
        _ header: FrameHeader, now: NIODeadline = start
    ) -> FrameRules.HeaderAction {
        frames.receivedHeader(header, calls: &calls, now: now)
    }

    func begin(_ streamID: UInt32, deadline: NIODeadline? = nil) -> CallToken {
        calls.begin(streamID: streamID, deadline: deadline)
    }

    /// Begins a call whose handler waits.
    func waiting(
        _ streamID: UInt32, deadline: NIODeadline? = nil
    ) -> (token: CallToken, task: Task<Void, Never>) {
        let token = begin(streamID, deadline: deadline)
        let task = waitingTask()
        #expect(started(token, task))
        return (token, task)
    }

    func started(_ token: CallToken, _ task: Task<Void, Never>) -> Bool {
        calls.started(token, work: task)
    }

    func finished(_ token: CallToken) -> (action: CallTable.ResultAction, wasWaiting: Bool) {
        calls.finished(token)
    }

    func expire(at time: NIODeadline) -> [UInt32] {
        calls.takeExpiredCalls(now: time).map { call in
            call.work.cancel()
            return call.streamID
        }
    }

    /// Begins a call whose client streams.
    func streaming(_ streamID: UInt32, _ queue: InboundQueue, endsWhenDraining: Bool = false) -> (
        token: CallToken, task: Task<Void, Never>
    ) {
        #expect(received(request(streamID)) == .readBody)
        let token = begin(streamID)
        let task = waitingTask()
        let input = StreamInput(queue: queue, opening: [], flags: [])
        let isOpen = calls.started(
            token, work: task, input: input, endsWhenDraining: endsWhenDraining)
        #expect(isOpen)
        return (token, task)
    }

    func isOpen(_ token: CallToken) -> Bool { calls.isOpen(token) }
    func takeSlow(_ streamID: UInt32) -> UInt32? { calls.takeSlowCall(holding: streamID)?.streamID }
    func takeEndless() -> [UInt32] { calls.takeEndlessCalls().map(\.streamID) }
    func beginDraining() { calls.beginDraining() }
    func closed() -> [TakenCall] { calls.closed() }

    deinit {
        for call in calls.closed() { call.work.cancel() }
    }
}

struct FrameRulesTests {
    @Test func `odd ids are accepted in any order and again when they are free`() {
        let state = Rules()
        for streamID: UInt32 in [5, 1, 3, 0xffff_ffff, 1] {
            #expect(state.received(request(streamID)) == .readBody)
            let token = state.begin(streamID)
            #expect(state.finished(token) == (.answer, false))
        }
    }

    @Test(arguments: [0, 2, 0xffff_fffe] as [UInt32])
    func `an even id is refused`(streamID: UInt32) {
        let state = Rules()
        #expect(state.received(request(streamID)) == .reject(.evenStreamID))
    }

    @Test func `an id in use is refused, its call cancelled and its result dropped`() {
        let state = Rules()
        let (token, task) = state.waiting(1)
        #expect(
            state.received(request(1)) == .rejectAndCancel(.streamInUse, TakenCall(token: token, work: task)))
        #expect(state.finished(token) == (.discard, true))
        #expect(state.received(request(1)) == .readBody)
        task.cancel()
    }

    @Test func `the late result of an expired call is not the answer of a new call on its id`() {
        let state = Rules()
        let old = state.waiting(1, deadline: start).token
        #expect(state.expire(at: start) == [1])
        #expect(state.received(request(1)) == .readBody)
        let new = state.waiting(1).token
        #expect(state.runningHandlers == 2)
        #expect(state.finished(old) == (.discard, true))
        #expect(state.finished(new) == (.answer, true))
        #expect(state.runningHandlers == 0)
    }

    @Test func `a call counts against the limit until its handler has ended`() {
        var configuration = ServerConfiguration()
        configuration.maximumCallsPerConnection = 1
        let state = Rules(configuration)
        let token = state.waiting(1, deadline: start).token
        #expect(state.expire(at: start) == [1])
        #expect(
            state.received(request(3)) == .reject(.tooManyCallsOnConnection(limit: 1)))
        #expect(state.finished(token) == (.discard, true))
        #expect(state.received(request(3)) == .readBody)
    }

    @Test func `a request of exactly the limit is accepted and one byte more is refused`() {
        var configuration = ServerConfiguration()
        configuration.maximumRequestBytes = 100
        let state = Rules(configuration)
        #expect(state.received(request(1, length: 100)) == .readBody)
        #expect(
            state.received(request(3, length: 101))
                == .reject(.tooLong(length: 101, limit: 100)))
    }

    @Test func `data for a call in flight is refused once and the call cancelled`() {
        let state = Rules()
        _ = state.received(request(1))
        let (token, task) = state.waiting(1)
        #expect(
            state.received(data(1))
                == .rejectAndCancel(.dataForSingleRequest, TakenCall(token: token, work: task)))
        #expect(state.received(data(1)) == .skipBody)
        #expect(state.finished(token) == (.discard, true))
        task.cancel()
    }

    @Test func `data is refused for ids never opened and dropped for finished ones`() {
        let state = Rules()
        #expect(state.received(data(1)) == .reject(.dataForUnopenedStream))
        #expect(state.received(request(5)) == .readBody)
        #expect(state.received(data(5)) == .skipBody)
        #expect(state.received(data(3)) == .skipBody)
        #expect(state.received(data(7)) == .reject(.dataForUnopenedStream))
        #expect(state.received(data(4)) == .reject(.dataForUnopenedStream))
    }

    @Test(arguments: [0, 2, 4, 255] as [UInt8])
    func `useless frames are skipped, and closed upon when they come in masses`(type: UInt8) {
        let state = Rules()
        let header = FrameHeader(length: 3, streamID: 1, type: type)
        for _ in 0..<200 { #expect(state.received(header) == .skipBody) }
        #expect(state.received(header, now: start + .seconds(9)) == .close)
        #expect(state.received(header, now: start + .seconds(10)) == .skipBody)
    }

    @Test func `a draining connection refuses new calls and is finished with its last one`() {
        let state = Rules()
        let token = state.waiting(1).token
        state.beginDraining()
        #expect(!state.isFinished)
        #expect(state.received(request(3)) == .reject(.shuttingDown))
        #expect(state.finished(token) == (.answer, true))
        #expect(state.isFinished)
    }

    private func queue(_ budget: FlowControlBudget = FlowControlBudget(limit: 1000)) -> InboundQueue {
        InboundQueue(limits: StreamLimits(messages: 2, bytes: 100), budget: budget)
    }

    @Test func `a mistake on a stream ends it, and what follows is dropped`() {
        let state = Rules()
        let (token, task) = state.streaming(1, queue())
        #expect(state.received(data(1)) == .readBody)
        #expect(state.isOpen(token))
        let bad = FrameHeader(length: 4, streamID: 1, type: 3, flags: 4)
        #expect(
            state.received(bad) == .rejectAndCancel(.dataWithoutData, TakenCall(token: token, work: task)))
        #expect(!state.isOpen(token))
        #expect(state.received(bad) == .skipBody)
        #expect(state.received(data(1)) == .skipBody)
        #expect(state.finished(token) == (.discard, true))
        task.cancel()
    }

    @Test func `the slow stream is the one whose queue is full, or the one that holds the most`() {
        let budget = FlowControlBudget(limit: 100)
        let state = Rules()
        let queues = [1, 3, 5].map { (id: UInt32) in
            let queue = queue(budget)
            _ = state.streaming(id, queue)
            return queue
        }
        queues[0].add([UInt8](repeating: 1, count: 70))
        queues[1].add([UInt8](repeating: 1, count: 40))
        #expect(state.received(data(5)) == .hold)
        #expect(state.takeSlow(5) == 1)
        for _ in 0..<2 { queues[1].add([]) }
        #expect(state.received(data(3)) == .hold)
        #expect(state.takeSlow(3) == 3)
        #expect(state.received(data(3)) == .skipBody)
    }

    @Test func `draining takes out the streams that would never end`() {
        let state = Rules()
        let (unary, streaming) = (state.waiting(1).token, state.streaming(3, queue()).token)
        _ = state.streaming(5, queue(), endsWhenDraining: true)
        state.beginDraining()
        #expect(state.takeEndless() == [5])
        #expect(!state.isFinished)
        for token in [unary, streaming] { #expect(state.finished(token) == (.answer, true)) }
        #expect(state.isFinished)
    }

    @Test func `a handler that comes back after the connection is gone is cancelled`() {
        let state = Rules()
        let token = state.begin(1)
        #expect(state.closed().isEmpty)
        let task = waitingTask()
        #expect(state.started(token, task))
        #expect(task.isCancelled)
        #expect(state.finished(token) == (.discard, true))
    }

    @Test func `the next deadline is the earliest of the calls in flight`() {
        let state = Rules()
        for (streamID, seconds) in [(1, 30), (3, 10), (5, 20)] as [(UInt32, Int64)] {
            _ = state.waiting(streamID, deadline: start + .seconds(seconds))
        }
        #expect(state.nextDeadline == start + .seconds(10))
        #expect(state.expire(at: start + .seconds(20)) == [3, 5])
        #expect(state.nextDeadline == start + .seconds(30))
        for call in state.closed() { call.work.cancel() }
    }
}
