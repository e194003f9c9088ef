// The client against a server that misbehaves: the mistake fails the call that it names, the others go on.

import NIOCore
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

struct ClientAgainstBadServerTests {
    /// Connects a client to a server that is written out in the test.
    private func withServer(_ body: (Client, RawPeer) async throws -> Void) async throws {
        let path = TestServer.temporaryPath()
        let (listener, peers) = try await RawPeer.listen(at: path)
        let client = try await Client.connect(to: .unix(path: path))
        for await server in peers {
            try await body(client, server)
            break
        }
        await client.close()
        try await listener.close()
    }

    /// Makes a call and answers it with these bytes; what the client makes of it.
    private func outcome(
        of answer: @escaping (_ streamID: UInt32) -> ByteBuffer
    ) async throws -> Result<[UInt8], any Error> {
        var result: Result<[UInt8], any Error> = .success([])
        try await withServer { client, server in
            let call = Task { try await client.call(service: "s", method: "m", payload: []) }
            let request = try await server.nextFrame()
            try await server.send(answer(request.header.streamID))
            result = await call.result
            try await expectGoodCall(client, server)
        }
        return result
    }

    private func expectGoodCall(_ client: Client, _ server: RawPeer) async throws {
        let call = Task { try await client.call(service: "s", method: "good", payload: []) }
        let request = try await server.nextFrame()
        #expect(try TTRPCRequest(decoding: request.body).method == "good")
        let body = TTRPCResponse(payload: [7]).encoded()
        try await server.sendFrame(2, request.header.streamID, body: body)
        #expect(try await call.value == [7])
    }

    private func status(_ result: Result<[UInt8], any Error>) -> Status? {
        if case .failure(let error) = result { return error as? Status }
        return nil
    }

    @Test func `requests are sent as the protocol has them`() async throws {
        try await withServer { client, server in
            let calls = (0..<3).map { _ in
                Task {
                    try await client.call(service: "s", method: "m", payload: [1, 2], metadata: ["K": "v"])
                }
            }
            for id: UInt32 in [1, 3, 5] {
                let request = try await server.nextFrame()
                #expect(request.header == FrameHeader(length: 18, streamID: id, type: 1, flags: 0))
                #expect(
                    try TTRPCRequest(decoding: request.body)
                        == TTRPCRequest(
                            service: "s", method: "m", payload: [1, 2],
                            metadata: [TTRPCKeyValue(key: "k", value: "v")]))
            }
            for id: UInt32 in [5, 1, 3] { try await server.sendFrame(2, id) }
            for call in calls { #expect(try await call.value == []) }
        }
    }

    @Test func `an empty status is a success`() async throws {
        let result = try await outcome { RawPeer.frame(2, $0, body: [0x0a, 0x00, 0x12, 1, 9]) }
        #expect(try result.get() == [9])
    }

    @Test func `the flags of a response do not matter`() async throws {
        let result = try await outcome { RawPeer.frame(2, $0, flags: 0xff, body: []) }
        #expect(try result.get() == [])
    }

    @Test func `a code that is not in the list is unknown`() async throws {
        let body = TTRPCResponse(status: RPCStatus(code: 77, message: "odd")).encoded()
        let status = status(try await outcome { RawPeer.frame(2, $0, body: body) })
        #expect(status?.code == .unknown)
        #expect(status?.message == "code 77: odd")
    }

    @Test func `a response that is not protobuf fails its call`() async throws {
        #expect(status(try await outcome { RawPeer.frame(2, $0, body: [0xff]) })?.code == .internal)
    }

    @Test(arguments: [1, 3, 4] as [UInt8])
    func `a frame of another type fails its call`(type: UInt8) async throws {
        #expect(status(try await outcome { RawPeer.frame(type, $0, body: [1]) })?.code == .internal)
    }

    @Test func `a response over the limit of the protocol fails its call and is skipped`() async throws {
        let body = [UInt8](repeating: 0, count: (4 << 20) + 1)
        #expect(status(try await outcome { RawPeer.frame(2, $0, body: body) })?.code == .resourceExhausted)
    }

    @Test func `answers that nobody waits for are dropped`() async throws {
        let result = try await outcome { streamID in
            var bytes = RawPeer.frame(2, 99, body: [])
            bytes.writeImmutableBuffer(RawPeer.frame(2, 0, body: []))
            bytes.writeImmutableBuffer(RawPeer.frame(2, streamID, body: [0x12, 1, 1]))
            bytes.writeImmutableBuffer(RawPeer.frame(2, streamID, body: [0x12, 1, 2]))
            return bytes
        }
        #expect(try result.get() == [1])
    }

    @Test func `calls that get no answer end each at its own deadline`() async throws {
        try await withServer { client, server in
            let ended = await withTaskGroup(of: (Int, StatusCode?).self) { group in
                for milliseconds in [80, 20, 50] {
                    group.addTask {
                        do throws(Status) {
                            _ = try await client.call(
                                service: "s", method: "m", payload: [], timeout: .milliseconds(milliseconds))
                            return (milliseconds, nil)
                        } catch {
                            return (milliseconds, error.code)
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(ended.map(\.0)) == [20, 50, 80])
            #expect(ended.allSatisfy { $0.1 == .deadlineExceeded })
            for _ in 0..<3 { _ = try await server.nextFrame() }
            try await expectGoodCall(client, server)
        }
    }

    @Test func `an answer that comes right before the end of the connection is taken`() async throws {
        try await withServer { client, server in
            let first = Task { try await client.call(service: "s", method: "m", payload: []) }
            let second = Task { try await client.call(service: "s", method: "m", payload: []) }
            for _ in 0..<2 { _ = try await server.nextFrame() }
            // The end comes while the client's own bytes lie unread, which resets the connection.
            let unread = Task { try await client.call(service: "s", method: "m", payload: []) }
            server.sendWithoutWaiting(RawPeer.frame(2, 1, body: []))
            server.sendWithoutWaiting(RawPeer.frame(2, 3, body: []))
            try await server.close()
            #expect(try await first.value == [])
            #expect(try await second.value == [])
            let error = await #expect(throws: Status.self) { try await unread.value }
            #expect(error?.code == .unavailable)
            #expect(error?.transportFailure != nil)
        }
    }

    @Test func `a server that talks something else fails every call`() async throws {
        try await withServer { client, server in
            let call = Task { try await client.call(service: "s", method: "m", payload: []) }
            _ = try await server.nextFrame()
            try await server.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
            let error = await #expect(throws: Status.self) { try await call.value }
            #expect(error?.message.contains("not a ttrpc server") == true)
            #expect(error?.transportFailure == .outcomeUnknown)
        }
    }
}
