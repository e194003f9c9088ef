// What programs are told about a refusal of the wire.

import NIOCore
import RPCMessages
import TTRPCMessages
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

struct RefusalReasonTests {
    /// One of each kind.
    private static let refusals: [Rejection] = [
        .evenStreamID, .streamInUse, .dataForSingleRequest, .dataAfterEnd, .dataWithoutData,
        .messageTooLong(length: 2, limit: 1), .notTaken, .dataForUnopenedStream, .invalidEnvelope,
        .tooLong(length: 2, limit: 1), .tooManyCallsOnConnection(limit: 1),
        .tooManyBytesOnConnection(limit: 1),
        .tooManyCalls(limit: 1), .shuttingDown, .tooManyMetadataPairs(limit: 1),
        .tooManyMetadataBytes(limit: 1), .invalidMetadataKey, .invalidMetadataValue("a-bin"),
        .invalidTimeout(.grpc),
        .unknownEncoding,
        .invalidMessage("cut"), .unknownService("a"), .unknownMethod("b"),
        .deadlineExceeded, .responseTooLong(length: 1), .answersUnread(limit: 1), .cancelledByShutdown,
    ]

    @Test func `every refusal has a reason of the list, and none is listed for nothing`() {
        let statuses = Self.refusals.map { $0.status(domain: "test.v1") }
        #expect(statuses.allSatisfy { $0.errorInfo?.domain == "test.v1" && !$0.message.isEmpty })
        #expect(
            Set(statuses.compactMap { $0.errorInfo?.reason }) == Set(RejectionReason.allCases.map(\.rawValue))
        )
    }

    @Test func `without a domain there are no details`() {
        #expect(Self.refusals.allSatisfy { $0.status(domain: nil).details.isEmpty })
    }

    @Test func `every failure that a caller sees has a reason, and a handler's own is left alone`()
        async throws
    {
        var configuration = ServerConfiguration.patient
        configuration.errorDomain = "test.v1"
        configuration.maximumCallsPerConnection = 1
        try await TestServer.with(configuration) { server in
            let peer = try await RawPeer.connect(to: server.address)
            func reason(_ streamID: UInt32, _ request: TTRPCRequest) async throws -> String? {
                try await peer.sendRequest(streamID, request)
                let info = Status(wireForm: try await peer.nextResponse(on: streamID).status)?.errorInfo
                return info.map { "\($0.domain)/\($0.reason)" }
            }
            #expect(try await reason(2, .healthCheck) == "test.v1/INVALID_STREAM")
            #expect(try await reason(1, TTRPCRequest(service: "no")) == "test.v1/UNKNOWN_SERVICE")
            #expect(try await reason(1, .test(TestMethods.fail, "other")) == "test.v1/INTERNAL")
            #expect(try await reason(1, .test(TestMethods.fail, "status")) == "test/NOT_NOW")
            #expect(try await reason(1, .test(TestMethods.letters, "4194304")) == "test.v1/RESPONSE_TOO_LONG")
            try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
            #expect(try await reason(3, .healthCheck) == "test.v1/CONNECTION_BUSY")
            server.gates.open("a")
        }
    }
}
