// The shared vectors against our encoder and decoder, our server and our client.

import Foundation
import NIOCore
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

struct WireVectorTests {
    private static let messages = [
        TTRPCRequest.descriptor.name: TTRPCRequest.descriptor,
        TTRPCResponse.descriptor.name: TTRPCResponse.descriptor,
    ]

    // MARK: Frames

    @Test func `frames are read and written byte by byte`() throws {
        let vectors = try WireVectors.load(FrameVector.self, "frames")
        let raw = try JSONSerialization.jsonObject(with: try WireVectors.text("frames")) as? [String: Any]
        let fields = try #require(raw?["vectors"] as? [[String: Any]]).map { $0["fields"] }
        try #require(vectors.count == fields.count && vectors.count > 40)
        for (vector, fields) in zip(vectors, fields) { try check(vector, fields) }
    }

    private func check(_ vector: FrameVector, _ fields: Any?) throws {
        let wire = ByteBuffer(bytes: try readHexadecimal(vector.hex))
        let header = FrameHeader(
            length: vector.header.length, streamID: vector.header.streamId, type: vector.header.type,
            flags: vector.header.flags)
        var decoder = FrameDecoder()
        decoder.append(wire)
        #expect(decoder.next() == .header(header), "\(vector.name)")
        var written = ByteBuffer()
        written.writeFrameHeader(header)
        guard vector.bodyLeftOut != true else {
            #expect(written == wire, "\(vector.name)")
            return #expect(decoder.next() == .needsMoreBytes, "\(vector.name)")
        }
        #expect(decoder.next() == .body(header), "\(vector.name)")
        let body = decoder.takeBody { Array($0) }
        #expect(decoder.next() == .needsMoreBytes && decoder.unfinished == nil, "\(vector.name)")

        guard let message = vector.message else { return }
        let descriptor = try #require(Self.messages[message])
        guard vector.malformed != true else {
            #expect(throws: MessageDecodingError.self, "\(vector.name)") {
                try descriptor.json(decoding: body)
            }
            return
        }
        let json = String(
            decoding: try JSONSerialization.data(withJSONObject: try #require(fields)), as: UTF8.self)
        let encoded = try descriptor.bytes(json: json)
        #expect(
            try descriptor.json(decoding: body) == descriptor.json(decoding: encoded), "\(vector.name)")
        if vector.canonical == true {
            written.writeBytes(encoded)
            #expect(written == wire, "\(vector.name)")
        }
    }

    // MARK: The server

    @Test(arguments: try WireVectors.load(ServerVector.self, "server"))
    func `a server answers as the vectors say`(vector: ServerVector) async throws {
        try await TestServer.with { server in
            let peer = try await RawPeer.connect(to: server.address)
            try await run(vector, peer)
        }
    }

    @Test(arguments: try WireVectors.load(ServerVector.self, "streams"))
    func `a server answers streams as the vectors say`(vector: ServerVector) async throws {
        try await `a server answers as the vectors say`(vector: vector)
    }

    private func run(_ vector: ServerVector, _ peer: RawPeer) async throws {
        var rest = vector.receive[...]
        for step in vector.send {
            switch step {
            case .write(let bytes): try await peer.send(bytes)
            case .waitFor(let count):
                while vector.receive.count - rest.count < count {
                    try await expect(try #require(rest.popFirst()), from: peer)
                }
            }
        }
        while let next = rest.popFirst() { try await expect(next, from: peer) }
        switch vector.then {
        case .serves: try await peer.expectGoodCall(on: 101)
        case .closes: try await peer.expectClosed()
        }
    }

    private func expect(_ answer: ServerVector.Answer, from peer: RawPeer) async throws {
        if let hex = answer.hex {
            let frame = try await peer.nextFrame()
            let header = frame.header
            let bytes = RawPeer.frame(
                header.type, header.streamID, flags: header.flags, body: frame.body)
            #expect(bytes == ByteBuffer(bytes: try readHexadecimal(hex)))
            return
        }
        let response = try await peer.nextResponse(on: try #require(answer.streamId))
        let status = try #require(Status(wireForm: response.status))
        #expect(response.payload.isEmpty)
        #expect(status.code.protoName == answer.code)
    }

    // MARK: The client

    @Test(arguments: try WireVectors.load(ClientVector.self, "client"))
    func `a client makes of answers what the vectors say`(vector: ClientVector) async throws {
        let path = TestServer.temporaryPath()
        let (listener, peers) = try await RawPeer.listen(at: path)
        let client = try await Client.connect(to: .unix(path: path))
        for await server in peers {
            try await run(vector, client, server)
            break
        }
        await client.close()
        try await listener.close()
    }

    private func run(_ vector: ClientVector, _ client: Client, _ server: RawPeer) async throws {
        var metadata: Metadata = [:]
        for pair in vector.call.metadata ?? [] { metadata.append(pair.value, for: pair.key) }
        let timeout = vector.call.timeoutNano.flatMap { Int64($0) }.map { Duration.nanoseconds($0) }
        let call = Task { [metadata] in
            try await client.call(
                service: vector.call.service, method: vector.call.method,
                payload: Array(vector.call.payload ?? Data()), metadata: metadata, timeout: timeout)
        }
        let frame = try await server.nextFrame()
        let sent = RawPeer.frame(
            frame.header.type, frame.header.streamID, flags: frame.header.flags, body: frame.body)
        #expect(sent == ByteBuffer(bytes: try readHexadecimal(vector.sent)))
        for case .write(let bytes) in vector.answer { try await server.send(bytes) }

        switch await call.result {
        case .success(let payload): #expect(payload == vector.outcome.payload.map { Array($0) })
        case .failure(let error):
            let status = try #require(error as? Status)
            #expect(status.code.protoName == vector.outcome.code)
            #expect(status.errorInfo?.reason == vector.outcome.reason)
            if let message = vector.outcome.message { #expect(status.message == message) }
        }
        guard vector.then == .serves else { return try await server.expectClosed() }
        let next = Task { try await client.call(service: "s", method: "next", payload: []) }
        let request = try await server.nextFrame()
        try await server.sendFrame(2, request.header.streamID, body: TTRPCResponse(payload: [7]).encoded())
        #expect(try await next.value == [7])
    }
}
