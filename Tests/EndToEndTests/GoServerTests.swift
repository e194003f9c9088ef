// The Swift client calls a server on the public Go library for ttrpc, which knows nothing of us.

import Foundation
import ProtobufC
import RPC
import RPCMessages
import TTRPC
import TestCluster
import TestWaiting
import Testing

struct GoServerTests {
    private static func method(_ name: String) -> Method<HealthCheckRequest, HealthCheckRequest> {
        Method(service: "test.v1.Echo", name: name, hasSideEffects: true)
    }

    private func withClient(_ body: (Client, Program) async throws -> Void) async throws {
        let socket = try TestCluster.makeDirectory() + "/go.sock"
        let server = try await GoPrograms.start("server", [socket])
        try await server.line(with: "listening")
        let client = try await Client.connect(to: .unix(path: socket))
        try await body(client, server)
        await client.close()
        try await server.stop()
    }

    private func ask(
        _ name: String, _ text: String = "", of client: Client, metadata: Metadata = [:],
        timeout: Duration? = nil
    ) async throws(Status) -> String {
        let request = HealthCheckRequest(service: text)
        return try await client.call(Self.method(name), request, metadata: metadata, timeout: timeout).service
    }

    @Test func `a thousand calls at once each get their own answer`() async throws {
        try await withClient { client, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<1000 {
                    group.addTask {
                        let answer = try await ask("Say", "\(index)", of: client)
                        #expect(answer == "\(index)")
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `metadata and the time allowed arrive`() async throws {
        try await withClient { client, _ in
            let pairs: Metadata = ["X-Tenant": "A", "b": "1", "x-tenant": "C"]
            #expect(try await ask("Metadata", "x-tenant", of: client, metadata: pairs) == "A,C")
            #expect(try await ask("TimeLeft", of: client) == "no deadline")
            let left = try await ask("TimeLeft", of: client, timeout: .seconds(600))
            #expect((480..<600).contains(try #require(Int(left))))
        }
    }

    @Test func `a status comes with its details`() async throws {
        try await withClient { client, _ in
            let refusal = try #require(await status { _ = try await ask("Fail", "taken", of: client) })
            #expect(refusal.code == .alreadyExists && refusal.message == "taken")
            #expect(refusal.errorInfo?.reason == "SLOT_TAKEN")
            #expect(refusal.badRequest?.fieldViolations.map(\.field) == ["doctor_id"])
            #expect(refusal.transportFailure == nil)
            let plain = try #require(await status { _ = try await ask("Fail", "plain", of: client) })
            #expect(plain.code == .unknown && plain.message == "a plain error")
            let absent = try await status { _ = try await ask("Nothing", of: client) }
            #expect(absent?.code == .unimplemented)
            #expect(try await ask("Say", "still there", of: client) == "still there")
        }
    }

    @Test func `a call ends at its deadline and the connection goes on`() async throws {
        try await withClient { client, _ in
            for _ in 0..<3 {
                let late = try await status {
                    _ = try await ask("Wait", of: client, timeout: .milliseconds(50))
                }
                #expect(late?.code == .deadlineExceeded)
                #expect(try await ask("Say", "still there", of: client) == "still there")
            }
        }
    }

    @Test func `messages pass up to the frame's limit, and beyond it only the call fails`() async throws {
        try await withClient { client, _ in
            // The payload in the answer takes five bytes more than the text in the payload.
            let most = (4 << 20) - 10
            #expect(try await ask("Letters", "\(most)", of: client).utf8.count == most)
            let long = String(repeating: "é", count: 2_000_000)
            #expect(try await ask("Say", long, of: client) == long)
            // The library's server sends what is too long; its own client would be brought down by it.
            let tooLong = try await status { _ = try await ask("Letters", "\(most + 1)", of: client) }
            #expect(tooLong?.code == .resourceExhausted)
            let text = String(repeating: "x", count: 4 << 20)
            let unsent = try #require(await status { _ = try await ask("Say", text, of: client) })
            #expect(unsent.code == .resourceExhausted && unsent.transportFailure == .neverSent)
            #expect(try await ask("Say", "still there", of: client) == "still there")
        }
    }

    @Test func `when the server dies the call's outcome is unknown`() async throws {
        try await withClient { client, server in
            async let lost = status { _ = try await ask("Wait", of: client) }
            try await eventually("the call") { try await ask("Waiting", of: client) == "1" }
            try await server.stop(SIGKILL)
            #expect(try await lost?.transportFailure == .outcomeUnknown)
        }
    }
}
