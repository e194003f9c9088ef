// The client's streams of requests and streams both ways, against the server.

import NIOCore
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestMessages
import TestRPC
import TestWaiting
import Testing

@testable import RPC
@testable import TTRPC

struct ClientStreamTests {
    private func withClient(
        _ configuration: ClientConfiguration = ClientConfiguration(),
        _ body: (Client, TestServer) async throws -> Void
    ) async throws {
        try await TestServer.with { server in
            let client = try await Client.connect(to: server.address, configuration: configuration)
            try await body(client, server)
            await client.close()
        }
    }

    private func expectGoodCall(_ client: Client) async throws {
        let answer = try await client.call(FourKindsServiceMethods.echo, EchoRequest(text: "b"))
        #expect(answer.text == "b")
    }

    @Test func `many messages are answered with one`() async throws {
        try await withClient { client, _ in
            let call = client.clientStream(FourKindsServiceMethods.join)
            let texts = (0..<5000).map(String.init)
            for text in texts { try await call.requests.send(JoinRequest(text: text)) }
            let answer = try await call.finish()
            #expect(answer.text == texts.joined(separator: ","))
            try await expectGoodCall(client)
        }
    }

    @Test func `no message is a stream too`() async throws {
        try await withClient { client, _ in
            let answer = try await client.clientStream(FourKindsServiceMethods.join).finish()
            #expect(answer.text == "")
        }
    }

    @Test func `an early answer ends the sending and is the outcome`() async throws {
        try await withClient { client, _ in
            let call = client.clientStream(FourKindsServiceMethods.join)
            for text in ["a", "leave"] { try await call.requests.send(JoinRequest(text: text)) }
            let refusal = await failure {
                while true { try await call.requests.send(JoinRequest(text: "late")) }
            }
            #expect(refusal?.code == .cancelled)
            let answer = try await call.finish()
            #expect(answer.text == "a")
            try await expectGoodCall(client)
        }
    }

    @Test func `an early failure is the outcome`() async throws {
        try await withClient { client, _ in
            let call = client.clientStream(FourKindsServiceMethods.join)
            try await call.requests.send(JoinRequest(text: "fail"))
            let error = await failure { _ = try await call.finish() }
            #expect(error?.code == .aborted)
        }
    }

    @Test func `messages go both ways, in turn`() async throws {
        try await withClient { client, _ in
            let call = client.bidirectional(FourKindsServiceMethods.chat)
            var responses = call.responses.makeAsyncIterator()
            for text in ["a", "", "b"] {
                try await call.requests.send(ChatRequest(text: text))
                let answer = try await responses.next()
                #expect(answer?.text == text)
            }
            call.requests.finish()
            let end = try await responses.next()
            #expect(end == nil)
            let refusal = await failure { try await call.requests.send(ChatRequest(text: "late")) }
            #expect(refusal?.code == .cancelled)
            try await expectGoodCall(client)
        }
    }

    @Test func `messages go both ways, at once`() async throws {
        try await withClient { client, _ in
            let call = client.bidirectional(FourKindsServiceMethods.chat)
            async let sending: Void = {
                for number in 0..<5000 { try await call.requests.send(ChatRequest(text: "\(number)")) }
                call.requests.finish()
            }()
            var count = 0
            for try await response in call.responses {
                if response.text == "\(count)" { count += 1 }
            }
            try await sending
            #expect(count == 5000)
        }
    }

    @Test func `the server may end a stream both ways first`() async throws {
        try await withClient { client, _ in
            let call = client.bidirectional(FourKindsServiceMethods.chat)
            for text in ["a", "leave"] { try await call.requests.send(ChatRequest(text: text)) }
            var texts: [String] = []
            for try await response in call.responses { texts.append(response.text) }
            #expect(texts == ["a"])
            try await expectGoodCall(client)
        }
    }

    @Test func `many streams of every kind share a connection`() async throws {
        try await withClient { client, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let call = client.clientStream(FourKindsServiceMethods.join)
                        for text in ["a", "b", "\(number)"] {
                            try await call.requests.send(JoinRequest(text: text))
                        }
                        let answer = try await call.finish()
                        #expect(answer.text == "a,b,\(number)")
                    }
                    group.addTask {
                        let call = client.bidirectional(FourKindsServiceMethods.chat)
                        try await call.requests.send(ChatRequest(text: "again 100"))
                        call.requests.finish()
                        let count = try await call.responses.reduce(0) { count, _ in count + 1 }
                        #expect(count == 101)
                    }
                    group.addTask {
                        let responses = client.serverStream(
                            FourKindsServiceMethods.count, CountRequest(messages: 100))
                        let count = try await responses.reduce(0) { count, _ in count + 1 }
                        #expect(count == 100)
                    }
                    group.addTask { try await expectGoodCall(client) }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a caller that is faster than the server waits`() async throws {
        try await withClient { client, server in
            let call = client.clientStream(FourKindsServiceMethods.join)
            try await call.requests.send(JoinRequest(text: "wait a"))
            // More than the sockets and both queues hold: the server ends the stream, and the caller hears so.
            let text = String(repeating: "x", count: 10_000)
            let refusal = await failure {
                while true { try await call.requests.send(JoinRequest(text: text)) }
            }
            #expect(refusal?.code == .cancelled)
            let error = await failure { _ = try await call.finish() }
            #expect(error?.code == .resourceExhausted)
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
            try await expectGoodCall(client)
        }
    }

    @Test func `a cancelled sender stops waiting`() async throws {
        var configuration = ServerConfiguration.patient
        configuration.slowStreamGrace = .seconds(3600)
        try await TestServer.with(configuration) { server in
            let client = try await Client.connect(to: server.address)
            let call = client.clientStream(FourKindsServiceMethods.join)
            try await call.requests.send(JoinRequest(text: "wait a"))
            let text = String(repeating: "x", count: 10_000)
            let task = Task {
                while true { try await call.requests.send(JoinRequest(text: text)) }
            }
            try await eventually("the call at the gate") { server.gates.arrived("a") == 1 }
            task.cancel()
            let error = await failure { try await task.value }
            #expect(error?.code == .cancelled)
            await client.close()
        }
    }

    @Test func `a message that is too long for a frame is refused, and the stream goes on`() async throws {
        try await withClient { client, _ in
            let call = client.clientStream(FourKindsServiceMethods.join)
            let text = String(repeating: "x", count: 4 << 20)
            let error = await failure { try await call.requests.send(JoinRequest(text: text)) }
            #expect(error?.code == .resourceExhausted)
            try await call.requests.send(JoinRequest(text: "a"))
            let answer = try await call.finish()
            #expect(answer.text == "a")
        }
    }

    @Test func `a stream whose messages nobody takes has to go, and the others go on`() async throws {
        var configuration = ClientConfiguration()
        configuration.slowStreamGrace = .milliseconds(100)
        configuration.maximumQueuedMessages = 10
        try await withClient(configuration) { client, _ in
            let responses = client.serverStream(
                FourKindsServiceMethods.count, CountRequest(messages: 100_000, bytes: 1000))
            try await expectGoodCall(client)
            // Its answer comes behind the messages, so it is read when the stream has gone.
            try await expectGoodCall(client)
            var count = 0
            let error = await failure { for try await _ in responses { count += 1 } }
            #expect(error?.code == .resourceExhausted)
            #expect(count == 10)
        }
    }

    @Test func `a stream that is taken slowly enough for its queue is not hurt`() async throws {
        var configuration = ClientConfiguration()
        // However long a busy machine keeps the taker waiting.
        configuration.slowStreamGrace = .seconds(60)
        configuration.maximumQueuedMessages = 10
        try await withClient(configuration) { client, _ in
            var count = 0
            for try await _ in client.serverStream(
                FourKindsServiceMethods.count, CountRequest(messages: 2000, bytes: 1000))
            {
                count += 1
                if count % 10 == 0 { await Task.yield() }
            }
            #expect(count == 2000)
        }
    }
}
