// The client against our server: calls in flight, deadlines, cancellation, failures.

import ProtobufC
import RPC
import RPCMessages
import TTRPC
import TTRPCMessages
import TestRPC
import TestWaiting
import Testing

struct ClientTests {
    private func withClient(
        _ configuration: ServerConfiguration = ServerConfiguration(),
        _ body: (Client, TestServer) async throws -> Void
    ) async throws {
        try await TestServer.with(configuration) { server in
            let client = try await Client.connect(to: server.address)
            try await body(client, server)
            await client.close()
        }
    }

    @Test(arguments: [true, false])
    func `a thousand calls at once each get their own answer`(throughUnixSocket: Bool) async throws {
        var configuration = ServerConfiguration()
        configuration.maximumCallsPerConnection = 1000
        let address: Address? = throughUnixSocket ? nil : .tcp(host: "127.0.0.1", port: 0)
        try await TestServer.with(configuration, listeningOn: address) { server in
            let client = try await Client.connect(to: server.address)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<1000 {
                    let method = index % 2 == 0 ? TestMethods.repeatText : TestMethods.waitAtGate
                    group.addTask {
                        let answer = try await client.call(method, HealthCheckRequest(service: "\(index)"))
                        #expect(answer.service == "\(index)")
                    }
                }
                // The gates open in another order than the calls were made.
                for index in (0..<1000).reversed() { server.gates.open("\(index)") }
                try await group.waitForAll()
            }
            await client.close()
        }
    }

    @Test func `a call by names carries bytes and metadata`() async throws {
        try await withClient { client, _ in
            let answer = try await client.call(
                service: TestMethods.service, method: "Context", payload: [], metadata: ["X-Key": "value"],
                timeout: .seconds(60))
            #expect(try HealthCheckRequest(decoding: answer).service == "x-key=value unix true")
        }
    }

    @Test func `large requests and responses pass in both directions`() async throws {
        var configuration = ServerConfiguration()
        configuration.maximumRequestBytes = 4 << 20
        try await withClient(configuration) { client, _ in
            let text = String(repeating: "x", count: 4_000_000)
            let answer = try await client.call(TestMethods.repeatText, HealthCheckRequest(service: text))
            #expect(answer.service.utf8.count == 4_000_000)
        }
    }

    @Test func `a server's failure arrives with its details`() async throws {
        try await withClient { client, _ in
            let error = await #expect(throws: Status.self) {
                try await client.call(TestMethods.fail, HealthCheckRequest(service: "status"))
            }
            #expect(error?.code == .failedPrecondition)
            #expect(error?.errorInfo?.reason == "NOT_NOW")
            #expect(error?.transportFailure == nil)
        }
    }

    @Test func `a request that is too long for a frame is not sent`() async throws {
        try await withClient { client, _ in
            let text = String(repeating: "x", count: 4 << 20)
            let error = await #expect(throws: Status.self) {
                try await client.call(TestMethods.repeatText, HealthCheckRequest(service: text))
            }
            #expect(error?.code == .resourceExhausted)
            #expect(error?.transportFailure == .neverSent)
            _ = try await client.call(HealthMethods.check, HealthCheckRequest())
        }
    }

    @Test(arguments: [Duration.zero, .seconds(-1)])
    func `a call whose time is over is not sent`(timeout: Duration) async throws {
        try await withClient { client, server in
            let error = await #expect(throws: Status.self) {
                try await client.call(
                    TestMethods.waitAtGate, HealthCheckRequest(service: "a"), timeout: timeout)
            }
            #expect(error?.code == .deadlineExceeded)
            #expect(error?.transportFailure == .neverSent)
            _ = try await client.call(HealthMethods.check, HealthCheckRequest())
            #expect(server.gates.arrived("a") == 0)
        }
    }

    @Test func `a call ends at its deadline and stops the server's work`() async throws {
        try await withClient { client, server in
            let error = await #expect(throws: Status.self) {
                try await client.call(
                    TestMethods.waitAtGate, HealthCheckRequest(service: "a"), timeout: .milliseconds(20))
            }
            #expect(error?.code == .deadlineExceeded)
            try await eventually("the handler's cancellation") { server.gates.wasCancelled("a") }
            _ = try await client.call(HealthMethods.check, HealthCheckRequest(), timeout: .seconds(60))
        }
    }

    @Test func `a cancelled task stops waiting, and the late answer is dropped`() async throws {
        try await withClient { client, server in
            let task = Task {
                try await client.call(TestMethods.waitAtGate, HealthCheckRequest(service: "a"))
            }
            try await eventually("the call at the gate") { server.gates.arrived("a") == 1 }
            task.cancel()
            let error = await #expect(throws: Status.self) { try await task.value }
            #expect(error?.code == .cancelled)
            server.gates.open("a")
            _ = try await client.call(HealthMethods.check, HealthCheckRequest())
        }
    }

    @Test func `a task that is cancelled before it calls does not wait`() async throws {
        try await withClient { client, _ in
            // Many times, since the cancellation has to overtake the call on its way to the event loop.
            // Each has a gate of its own: the server's deadline opens that of a call it has cancelled.
            for number in 0..<500 {
                let task = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return try await client.call(
                        TestMethods.waitAtGate, HealthCheckRequest(service: "\(number)"))
                }
                let error = await #expect(throws: Status.self) { try await task.value }
                #expect(error?.code == .cancelled || error?.code == .resourceExhausted)
            }
        }
    }

    @Test func `calls on the client's executor are answered as well`() async throws {
        try await withClient { client, _ in
            let task = Task(executorPreference: client.executor) { () async throws -> Void in
                for index in 0..<100 {
                    let request = HealthCheckRequest(service: "\(index)")
                    #expect(try await client.call(TestMethods.repeatText, request) == request)
                }
            }
            try await task.value
        }
    }

    @Test
    func `calls that were sent have an unknown outcome when the connection ends, later ones were never sent`()
        async throws
    {
        var configuration = ServerConfiguration()
        configuration.drainTime = .zero
        try await TestServer.with(configuration) { server in
            let client = try await Client.connect(to: server.address)
            let task = Task {
                try await client.call(TestMethods.waitAtGate, HealthCheckRequest(service: "a"))
            }
            try await eventually("the call at the gate") { server.gates.arrived("a") == 1 }
            await client.close()
            let sent = await #expect(throws: Status.self) { try await task.value }
            #expect(sent?.code == .unavailable)
            #expect(sent?.transportFailure == .outcomeUnknown)
            let unsent = await #expect(throws: Status.self) {
                try await client.call(HealthMethods.check, HealthCheckRequest())
            }
            #expect(unsent?.code == .unavailable)
            #expect(unsent?.transportFailure == .neverSent)
            #expect(unsent?.message == "the client was closed")
        }
    }

    @Test(arguments: [
        (Address.unix(path: "/no/such/socket"), "no such socket"),
        (.tcp(host: "127.0.0.1", port: 1), "nothing listens"),
        (.tcp(host: "no-such-host.invalid", port: 1), "unknown host"),
        (.unix(path: "/" + String(repeating: "x", count: 200)), "at most 107 bytes"),
    ])
    func `a failed connect says what to do`(address: Address, reason: String) async {
        let error = await #expect(throws: Status.self) { try await Client.connect(to: address) }
        #expect(error?.code == .unavailable)
        #expect(error?.transportFailure == .neverSent)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }
}
