// The handlers of the test service with a method of each kind, and requests for it.

import ProtobufC
import RPCMessages
package import TTRPCMessages
package import TestMessages
package import Testing

@testable package import RPC
@testable import TTRPC

extension TestServer {
    /// Registers Echo, Count, Join and Chat. Requests take these words as orders: `wait NAME` waits at a gate, `fail`
    /// fails with ABORTED, `leave` ends the call before its requests have ended, `again NUMBER` sends as many
    /// messages.
    package static func registerFourKinds(in methods: inout Router, _ gates: Gates) {
        methods.register(FourKindsServiceMethods.echo) { call in Text(text: try call.request().text) }
        methods.register(FourKindsServiceMethods.count) { call, responses in
            let request = try call.request()
            let padding = String(repeating: "x", count: Int(request.bytes))
            for number in 0..<request.messages {
                try await responses.send(Text(text: "\(number)\(padding)"))
            }
            try await obey(request.then, gates)
        }
        methods.register(FourKindsServiceMethods.join) { call, requests in
            var texts: [String] = []
            for try await request in requests {
                if request.text == "leave" { break }
                try await obey(request.text, gates)
                texts.append(request.text)
            }
            return Text(text: texts.joined(separator: ","))
        }
        methods.register(FourKindsServiceMethods.chat) { call, requests, responses in
            var requests = requests.makeAsyncIterator()
            // A request that cannot be read is taken for the end here. The client must hear of it all the same.
            while let request = try? await requests.next() {
                if request.text == "leave" { break }
                try await obey(request.text, gates)
                if request.text.hasPrefix("again ") {
                    for _ in 0..<(Int(request.text.dropFirst(6)) ?? 0) {
                        try await responses.send(Text(text: "again"))
                    }
                }
                try await responses.send(Text(text: request.text))
            }
        }
    }

    private static func obey(_ order: String, _ gates: Gates) async throws {
        if order == "fail" { throw Status(.aborted, "told to fail") }
        guard order.hasPrefix("wait ") else { return }
        let gate = String(order.dropFirst(5))
        await withTaskCancellationHandler {
            await gates.wait(gate)
        } onCancel: {
            gates.cancel(gate)
        }
        try Task.checkCancellation()
    }
}

extension TTRPCRequest {
    /// Opens a stream of numbers.
    package static func count(
        _ messages: Int64, bytes: Int64 = 0, then: String = "", timeoutNano: Int64 = 0
    ) -> TTRPCRequest {
        TTRPCRequest(
            service: FourKindsServiceMethods.count.service, method: FourKindsServiceMethods.count.name,
            payload: CountRequest(messages: messages, bytes: bytes, then: then).encoded(),
            timeoutNano: timeoutNano)
    }

    /// Opens a stream of requests, the first of them in the request that opens it unless it is nil.
    package static func join(_ first: String? = nil, timeoutNano: Int64 = 0) -> TTRPCRequest {
        TTRPCRequest(
            service: FourKindsServiceMethods.join.service, method: FourKindsServiceMethods.join.name,
            payload: first.map { JoinRequest(text: $0).encoded() } ?? [], timeoutNano: timeoutNano)
    }

    /// Opens a stream both ways, likewise.
    package static func chat(_ first: String? = nil, timeoutNano: Int64 = 0) -> TTRPCRequest {
        TTRPCRequest(
            service: FourKindsServiceMethods.chat.service, method: FourKindsServiceMethods.chat.name,
            payload: first.map { ChatRequest(text: $0).encoded() } ?? [], timeoutNano: timeoutNano)
    }
}

extension RawPeer {
    /// Opens a stream with these flags.
    package func open(_ streamID: UInt32, _ request: TTRPCRequest, flags: UInt8 = 0) async throws {
        try await sendFrame(1, streamID, flags: flags, body: request.encoded())
    }

    /// Sends a message on a stream.
    package func say(_ text: String, on streamID: UInt32, flags: UInt8 = 0) async throws {
        try await sendFrame(3, streamID, flags: flags, body: ChatRequest(text: text).encoded())
    }

    /// The next frame, which is a message on this stream.
    package func nextText(on streamID: UInt32, sourceLocation: SourceLocation = #_sourceLocation) async throws
        -> String
    {
        let frame = try await nextFrame()
        #expect(frame.header.streamID == streamID, sourceLocation: sourceLocation)
        #expect(frame.header.type == 3, sourceLocation: sourceLocation)
        #expect(frame.header.flags == 0, sourceLocation: sourceLocation)
        return try Text(decoding: frame.body).text
    }

    /// The next frame, which ends this stream of messages.
    package func expectEnd(of streamID: UInt32, sourceLocation: SourceLocation = #_sourceLocation)
        async throws
    {
        let frame = try await nextFrame()
        #expect(
            frame.header == FrameHeader(length: 0, streamID: streamID, type: 3, flags: 5),
            sourceLocation: sourceLocation)
    }

    /// The next frame, which ends this stream with one response.
    package func expectText(
        _ text: String, on streamID: UInt32, sourceLocation: SourceLocation = #_sourceLocation
    )
        async throws
    {
        let response = try await nextResponse(on: streamID, sourceLocation: sourceLocation)
        #expect(response.status == nil, sourceLocation: sourceLocation)
        #expect(try Text(decoding: response.payload).text == text, sourceLocation: sourceLocation)
    }
}

extension JoinRequest {
    /// The bytes of a message.
    package static func body(_ text: String) -> [UInt8] { JoinRequest(text: text).encoded() }
}
