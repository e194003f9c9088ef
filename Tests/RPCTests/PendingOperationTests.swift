// Calls that ask somebody and take no task: whoever was asked ends them, from whatever thread, or is told that nobody
// waits any more.

import NIOCore
import NIOPosix
import ProtobufC
import RPCMessages
import Synchronization
import TTRPCMessages
import TestRPC
import TestWaiting
import Testing

@testable import RPC
@testable import TTRPC

struct PendingOperationTests {
    /// Somebody who is asked, and remembers.
    private final class Answerer: Sendable {
        private struct Question: Cancellable {
            let givenUp: @Sendable () -> Void

            func cancel() { givenUp() }
        }

        private struct State {
            var completions: [Completion<HealthCheckRequest>] = []
            var givenUp = 0
        }

        private let state = Mutex(State())

        var asked: Int { state.withLock { $0.completions.count } }
        var givenUp: Int { state.withLock { $0.givenUp } }

        func ask(_ completion: Completion<HealthCheckRequest>) -> any Cancellable {
            state.withLock { $0.completions.append(completion) }
            return Question { [self] in state.withLock { $0.givenUp += 1 } }
        }

        /// Answers one question on a thread of the pool.
        func answer(_ number: Int, _ text: String?) async {
            let completion = state.withLock { $0.completions[number] }
            await Task.detached {
                completion {
                    guard let text else { throw Status(.notFound, "nobody knows") }
                    return HealthCheckRequest(service: text)
                }
            }.value
        }
    }

    private func withAnswerer(_ body: (Answerer, Server, RawPeer) async throws -> Void) async throws {
        let answerer = Answerer()
        var methods = Router()
        methods.register(
            TestMethods.waitAtGate,
            reply: { _, _ in .pending(PendingOperation { _, end in answerer.ask(end) }) })
        methods.register(
            TestMethods.repeatText,
            reply: { call, _ in
                let request = try call.request()
                if request.service == "too much" { throw Overloaded() }
                return .ready(request)
            })
        let server = Server(
            router: methods, wire: .ttrpc, group: .singletonMultiThreadedEventLoopGroup,
            logger: LogLines().logger)
        let peer = try await RawPeer.connect(to: server.listen(on: TestServer.temporaryAddress()))
        try await body(answerer, server, peer)
        await server.shutdown()
    }

    private func text(_ frame: RawFrame) throws -> String {
        try HealthCheckRequest(decoding: frame.response().payload).service
    }

    @Test func `a question is answered in whatever order and from whatever thread`() async throws {
        try await withAnswerer { answerer, _, peer in
            for streamID in [1, 3, 5] as [UInt32] {
                try await peer.sendRequest(streamID, .test(TestMethods.waitAtGate))
            }
            try await eventually("all questions") { answerer.asked == 3 }
            await answerer.answer(2, "third")
            let third = try await peer.nextFrame()
            #expect((third.header.streamID, try text(third)) == (5, "third"))
            await answerer.answer(0, nil)
            let first = try await peer.nextFrame()
            #expect(first.header.streamID == 1)
            #expect(try first.response().status?.code == StatusCode.notFound.rawValue)
            await answerer.answer(1, "second")
            #expect(try text(try await peer.nextFrame()) == "second")
            #expect(answerer.givenUp == 0)
        }
    }

    @Test func `at the deadline the question is given up, and a late answer dropped`() async throws {
        try await withAnswerer { answerer, _, peer in
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, timeoutNano: 20_000_000))
            #expect(
                try await peer.nextFrame().response().status?.code == StatusCode.deadlineExceeded.rawValue)
            try await eventually("the question given up") { answerer.givenUp == 1 }
            await answerer.answer(0, "late")
            try await peer.sendRequest(3, .test(TestMethods.repeatText, "next"))
            #expect(try text(try await peer.nextFrame()) == "next")
        }
    }

    @Test func `the questions of a connection that ends are given up`() async throws {
        try await withAnswerer { answerer, _, peer in
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate))
            try await eventually("the question") { answerer.asked == 1 }
            try await peer.close()
            try await eventually("the question given up") { answerer.givenUp == 1 }
            await answerer.answer(0, "nobody hears this")
        }
    }

    @Test func `a server that shuts down waits for the answer to a question`() async throws {
        try await withAnswerer { answerer, server, peer in
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate))
            try await eventually("the question") { answerer.asked == 1 }
            async let end: Void = server.shutdown()
            await answerer.answer(0, "in time")
            #expect(try text(try await peer.nextFrame()) == "in time")
            await end
        }
    }

    @Test func `a handler that has no room turns its caller away, and serves the next one`() async throws {
        try await withAnswerer { _, server, peer in
            try await peer.sendRequest(1, .test(TestMethods.repeatText, "too much"))
            let status = try await peer.nextFrame().response().status
            #expect(status?.code == StatusCode.resourceExhausted.rawValue)
            #expect(status?.message == "the server is busy; try again later")
            try await peer.sendRequest(3, .test(TestMethods.repeatText, "next"))
            #expect(try text(try await peer.nextFrame()) == "next")
            #expect(server.statistics.callsInFlight == 0)
        }
        #expect(Status(ofHandlerError: Overloaded()).code == .resourceExhausted)
    }

    @Test func `a task can wait for the answer, and gives the question up with itself`() async throws {
        let answerer = Answerer()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let executor = EventLoopExecutor(eventLoop: group.next())
        let operation = PendingOperation<HealthCheckRequest> { _, end in answerer.ask(end) }
        let task = Task(executorPreference: executor) {
            try await operation.response(on: executor).service
        }
        try await eventually("the question") { answerer.asked == 1 }
        task.cancel()
        try await eventually("the question given up") { answerer.givenUp == 1 }
        await answerer.answer(0, "after all")
        #expect(try await task.value == "after all")
        try await group.shutdownGracefully()
    }
}
