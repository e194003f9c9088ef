// Every reason that the wire itself gives, provoked by bytes on a socket. A reason without a row here fails its test.

import ProtobufC
import RPC
import RPCMessages
import TTRPCMessages
import TestRPC
import TestWaiting
import Testing

@testable import TTRPC

struct ProvokedReasonTests {
    /// What makes a server with these limits refuse a call.
    private struct Provocation: Sendable {
        var limit: @Sendable (inout ServerConfiguration) -> Void = { _ in }
        /// Ends with the refused call's answer.
        let refusal: @Sendable (RawPeer, TestServer) async throws -> RawFrame

        init(
            _ limit: @escaping @Sendable (inout ServerConfiguration) -> Void = { _ in },
            refusal: @escaping @Sendable (RawPeer, TestServer) async throws -> RawFrame
        ) {
            self.limit = limit
            self.refusal = refusal
        }

        /// Of one request.
        init(
            _ request: TTRPCRequest, on streamID: UInt32 = 1,
            _ limit: @escaping @Sendable (inout ServerConfiguration) -> Void = { _ in }
        ) {
            self.init(limit) { peer, _ in
                try await peer.sendRequest(streamID, request)
                return try await peer.nextFrame()
            }
        }
    }

    private static let atGate = TTRPCRequest.test(TestMethods.waitAtGate, "a")

    private static let provocations: [RejectionReason: Provocation] = [
        .invalidStream: Provocation(.healthCheck, on: 2),
        .malformedRequest: Provocation { peer, _ in
            try await peer.sendFrame(1, 1, body: [0xff])
            return try await peer.nextFrame()
        },
        .invalidMetadata: Provocation(
            .test(TestMethods.context, metadata: [TTRPCKeyValue(key: "a\nb", value: "c")])),
        .unknownService: Provocation(TTRPCRequest(service: "no")),
        .unknownMethod: Provocation(TTRPCRequest(service: TestMethods.service, method: "no")),
        .requestTooLong: Provocation(.test(TestMethods.repeatText, String(repeating: "x", count: 1_000))) {
            $0.maximumRequestBytes = 1_000
        },
        .responseTooLong: Provocation(.test(TestMethods.letters, "4194304")),
        .deadlineExceeded: Provocation(.test(TestMethods.waitAtGate, "a", timeoutNano: 1)),
        .connectionBusy: Provocation({ $0.maximumCallsPerConnection = 1 }) { peer, _ in
            try await peer.sendRequest(1, atGate)
            try await peer.sendRequest(3, .healthCheck)
            return try await peer.nextFrame()
        },
        .overloaded: Provocation({ $0.maximumCalls = 1 }) { peer, server in
            let other = try await RawPeer.connect(to: server.address)
            try await other.sendRequest(1, atGate)
            try await eventually("the other call at the gate") { server.gates.arrived("a") == 1 }
            try await peer.sendRequest(1, .test(TestMethods.repeatText, "b"))
            return try await peer.nextFrame()
        },
        .streamOverrun: Provocation({
            $0.maximumQueuedMessages = 1
            $0.slowStreamGrace = .milliseconds(1)
        }) { peer, _ in
            try await peer.open(1, .join("wait a"), flags: 0)
            for _ in 0..<4 { try await peer.say("more", on: 1) }
            return try await peer.nextFrame()
        },
        .answersUnread: Provocation({ $0.maximumUnreadBytes = 1 << 20 }) { _, server in
            let peer = try await RawPeer.connect(to: server.address, autoRead: false)
            let text = String(repeating: "x", count: 100_000)
            let count: UInt32 = 60
            for id in 0..<count {
                let request = TTRPCRequest.test(TestMethods.waitNamed, "\(text)gate")
                peer.sendWithoutWaiting(RawPeer.frame(1, id * 2 + 1, body: request.encoded()))
            }
            try await eventually("all calls at the gate") { server.gates.arrived("gate") == Int(count) }
            server.gates.open("gate")
            try await eventually("the end of all calls") { server.server.statistics.callsInFlight == 0 }
            try await peer.beginReading()
            while true {
                let frame = try await peer.nextFrame()
                if try frame.response().status != nil { return frame }
            }
        },
        .shuttingDown: Provocation { peer, server in
            try await peer.sendRequest(1, atGate)
            try await eventually("the call at the gate") { server.gates.arrived("a") == 1 }
            async let shutdown: Void = server.server.shutdown()
            var (streamID, frame): (UInt32, RawFrame)
            streamID = 3
            repeat {
                try await peer.sendRequest(streamID, .healthCheck)
                frame = try await peer.nextFrame()
                streamID += 2
            } while try frame.response().status == nil
            server.gates.open("a")
            await shutdown
            return frame
        },
        .cancelledByShutdown: Provocation({ $0.drainTime = .milliseconds(1) }) { peer, server in
            try await peer.sendRequest(1, atGate)
            try await eventually("the call at the gate") { server.gates.arrived("a") == 1 }
            await server.server.shutdown()
            return try await peer.nextFrame()
        },
    ]

    @Test(arguments: RejectionReason.allCases)
    func `every reason of the wire is given to the caller who provokes it`(_ reason: RejectionReason)
        async throws
    {
        let provocation = try #require(Self.provocations[reason], "no row for \(reason.rawValue)")
        var configuration = ServerConfiguration.patient
        configuration.errorDomain = "test.v1"
        provocation.limit(&configuration)
        try await TestServer.with(configuration) { server in
            let peer = try await RawPeer.connect(to: server.address)
            let response = try await provocation.refusal(peer, server).response()
            let status = try #require(Status(wireForm: response.status))
            #expect(status.errorInfo?.reason == reason.rawValue)
            #expect(status.errorInfo?.domain == "test.v1")
            #expect(!status.message.isEmpty)
            server.gates.open("a")
        }
    }
}
