// The rules of a client's side of a stream, called one by one.

import NIOCore
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

struct StreamInputTests {
    private static func queue(messages: Int = 2, bytes: Int = 100, all: Int = 1000) -> InboundQueue {
        InboundQueue(
            limits: StreamLimits(messages: messages, bytes: bytes), budget: FlowControlBudget(limit: all))
    }

    private static func open(
        _ queue: InboundQueue = queue(), payload: [UInt8] = [], flags: FrameFlags = []
    ) -> StreamInput {
        StreamInput(queue: queue, opening: payload, flags: flags)
    }

    private static func data(_ length: UInt32, _ flags: UInt8 = 0) -> FrameHeader {
        FrameHeader(length: length, streamID: 1, type: 3, flags: flags)
    }

    /// The rule's answers to these headers, one after the other.
    private static func actions(
        _ input: consuming StreamInput, _ headers: FrameHeader...
    ) -> [StreamInput.FrameAction] {
        var input = input
        return headers.map { input.receivedHeader($0, maximumBytes: 50) }
    }

    @Test func `a call with one request takes no data of any kind`() {
        for flags: UInt8 in [0, 1, 4, 5] {
            #expect(Self.actions(.single, Self.data(0, flags)) == [.reject(.dataForSingleRequest)])
        }
    }

    @Test func `messages are taken up to the limit of their length, also empty ones`() {
        #expect(
            Self.actions(Self.open(), Self.data(0), Self.data(50), Self.data(51))
                == [.take, .take, .reject(.messageTooLong(length: 51, limit: 50))])
    }

    @Test func `frames without data are skipped, and must have none`() {
        #expect(
            Self.actions(Self.open(), Self.data(0, 4), Self.data(1, 4))
                == [.skip, .reject(.dataWithoutData)])
        #expect(Self.actions(Self.open(), Self.data(1, 5)) == [.reject(.dataWithoutData)])
    }

    @Test(arguments: [0, 1, 4, 5] as [UInt8])
    func `nothing may come behind the end`(flags: UInt8) {
        #expect(
            Self.actions(Self.open(), Self.data(0, 5), Self.data(0, flags)) == [
                .skip, .reject(.dataAfterEnd),
            ])
        #expect(
            Self.actions(Self.open(), Self.data(1, 1), Self.data(0, flags)) == [
                .take, .reject(.dataAfterEnd),
            ])
        #expect(
            Self.actions(Self.open(flags: .remoteClosed), Self.data(0, flags)) == [.reject(.dataAfterEnd)])
    }

    @Test func `a full queue holds messages, and nothing else`() {
        let queue = Self.queue()
        let input = Self.open(queue, payload: [1])
        queue.add([2])
        #expect(Self.actions(input, Self.data(1), Self.data(1, 1), Self.data(0, 4)) == [.hold, .hold, .skip])
        #expect(Self.actions(input, Self.data(0, 5)) == [.skip])
        #expect(Self.actions(input, Self.data(51)) == [.reject(.messageTooLong(length: 51, limit: 50))])
    }

    @Test func `asking again after there is room is taken`() async throws {
        let queue = Self.queue()
        var input = Self.open(queue, payload: [1])
        queue.add([2])
        let full = input.receivedHeader(Self.data(1, 1), maximumBytes: 50)
        #expect(full == .hold)
        let first = try await queue.next()
        #expect(first == [1])
        let action = input.receivedHeader(Self.data(1, 1), maximumBytes: 50)
        #expect(action == .take)
        input.received([3], Self.data(1, 1))
        let rest = [try await queue.next(), try await queue.next(), try await queue.next()]
        #expect(rest == [[2], [3], nil])
    }

    @Test func `a queue is full by messages, by bytes and by what its neighbours hold`() {
        let budget = FlowControlBudget(limit: 20)
        let queues = (0..<2).map { _ in
            InboundQueue(limits: StreamLimits(messages: 3, bytes: 12), budget: budget)
        }
        queues[0].add([UInt8](repeating: 1, count: 11))
        #expect(!queues[0].isFull)
        queues[0].add([1])
        #expect(queues[0].isFull && queues[0].isFullByItself && !queues[1].isFull)
        queues[1].add([UInt8](repeating: 1, count: 8))
        #expect(queues[1].isFull && !queues[1].isFullByItself)
        queues[0].abandon()
        #expect(!queues[1].isFull && !budget.isFull)
        for _ in 0..<2 { queues[1].add([]) }
        #expect(queues[1].isFullByItself)
    }

    @Test func `what is taken is told to whoever waits for room, once`() async throws {
        let budget = FlowControlBudget(limit: 20)
        let queue = InboundQueue(limits: StreamLimits(messages: 3, bytes: 12), budget: budget)
        for byte: UInt8 in 0..<3 { queue.add([byte]) }
        try await confirmation { told in
            budget.notify { told() }
            for byte: UInt8 in 0..<3 {
                let message = try await queue.next()
                #expect(message == [byte])
            }
        }
    }

    @Test func `the first end counts, and comes behind what waits`() async throws {
        let queue = Self.queue()
        queue.add([1])
        queue.end()
        queue.end(.failure(Status(.internal, "late")))
        queue.add([2])
        let messages = [try await queue.next(), try await queue.next(), try await queue.next()]
        #expect(messages == [[1], nil, nil])
    }

    @Test func `a reader that waits is given the message, the end, or its cancellation`() async throws {
        for _ in 0..<100 {
            let queue = Self.queue()
            let reader = Task { () async throws(Status) -> [UInt8]? in try await queue.next() }
            queue.add([7])
            let message = try await reader.value
            #expect(message == [7])
            let second = Task { () async throws(Status) -> [UInt8]? in try await queue.next() }
            second.cancel()
            let error = await failure { _ = try await second.value }
            #expect(error?.code == .cancelled)
        }
    }

    @Test func `a stream that is cut by the end of the connection's input fails`() async throws {
        let queue = Self.queue()
        var input = Self.open(queue, payload: [1])
        input.inputClosed()
        let message = try await queue.next()
        #expect(message == [1])
        let error = await failure { _ = try await queue.next() }
        #expect(error?.code == .cancelled)
        let whole = Self.queue()
        var closed = Self.open(whole, flags: .remoteClosed)
        closed.inputClosed()
        let end = try await whole.next()
        #expect(end == nil)
    }
}
