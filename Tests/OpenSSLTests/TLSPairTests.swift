// The handler itself, byte by byte: whole messages out of any cuts, every kind of end, and nothing that somebody has
// spoilt.

import Glibc
import NIOCore
import NIOEmbedded
import OpenSSL
import Testing

struct TLSPairTests {
    /// Contexts of both ends are made first: the rest is on one thread.
    private func withPair(
        staysOpen: Bool = true, _ body: (TLSPair) throws -> Void
    ) async throws {
        let client = try TLSContext(authorities: try await TestAuthority.shared.authorities)
        let server = try await SecureServer.context()
        try body(try TLSPair(client: client, server: server, staysOpen: staysOpen))
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `what is written comes out whole, however the bytes are cut`(seed: UInt64) async throws {
        try await withPair { pair in
            var random = SeededGenerator(seed: seed)
            let longest = [1, 7, 100, 5000, 40_000].randomElement(using: &random) ?? 1
            func cut(_ bytes: ByteBuffer) -> [ByteBuffer] {
                var (rest, pieces) = (bytes, [ByteBuffer]())
                while let piece = rest.readSlice(
                    length: min(Int.random(in: 1...longest, using: &random), rest.readableBytes)),
                    piece.readableBytes > 0
                {
                    pieces.append(piece)
                }
                return pieces
            }
            try pair.carry(in: cut)
            #expect(pair.client.isSecure && pair.server.isSecure)
            var (toServer, toClient): ([UInt8], [UInt8]) = ([], [])
            for _ in 0..<6 {
                for (end, isClient) in [(pair.client, true), (pair.server, false)] {
                    for _ in 0..<Int.random(in: 0...3, using: &random) {
                        let count = Int.random(in: 0...(longest < 100 ? 300 : 70_000), using: &random)
                        let text = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                        if isClient { toServer += text } else { toClient += text }
                        end.channel.write(ByteBuffer(bytes: text), promise: nil)
                    }
                    end.channel.flush()
                }
                try pair.carry(in: cut)
                #expect(pair.server.listener.received == toServer)
                #expect(pair.client.listener.received == toClient)
            }
            #expect(pair.client.listener.errors.isEmpty && pair.server.listener.errors.isEmpty)
        }
    }

    @Test func `what is written before a flush leaves in one write, and all who wait for it are told`()
        async throws
    {
        try await withPair { pair in
            try pair.carry()
            let promises = (0..<5).map { _ in pair.client.channel.eventLoop.makePromise(of: Void.self) }
            for (number, promise) in promises.enumerated() {
                pair.client.channel.write(
                    ByteBuffer(repeating: UInt8(number), count: number * 10), promise: promise)
            }
            #expect(try pair.client.outgoing().isEmpty)
            pair.client.channel.flush()
            for promise in promises { try promise.futureResult.wait() }
            let writes = try pair.client.outgoing()
            #expect(writes.count == 1)
        }
    }

    @Test func `an announced end is the end of the input, once, and answers still pass`() async throws {
        try await withPair { pair in
            try pair.carry()
            pair.client.channel.write(ByteBuffer(string: "last words"), promise: nil)
            pair.client.channel.flush()
            try pair.client.channel.close(mode: .output).wait()
            try pair.carry()
            #expect(pair.server.listener.received == Array("last words".utf8))
            #expect(pair.server.listener.inputClosed == 1)
            // FIN comes after it, and is no news.
            pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            #expect(pair.server.listener.inputClosed == 1)
            #expect(pair.server.listener.errors.isEmpty)

            try pair.server.channel.writeAndFlush(ByteBuffer(string: "an answer")).wait()
            try pair.carry()
            #expect(pair.client.listener.received == Array("an answer".utf8))
        }
    }

    @Test func `an announced end closes a channel that cannot stay half open`() async throws {
        try await withPair(staysOpen: false) { pair in
            try pair.carry()
            try pair.server.channel.close().wait()
            try pair.carry()
            #expect(!pair.client.channel.isActive)
            #expect(pair.client.listener.isInactive)
            #expect(pair.client.listener.errors.isEmpty)
        }
    }

    @Test(arguments: [false, true])
    func `an end that nobody announced is an error`(isInactive: Bool) async throws {
        try await withPair { pair in
            try pair.carry()
            if isInactive {
                pair.server.channel.pipeline.fireChannelInactive()
            } else {
                pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            }
            #expect(pair.server.listener.errors == [.truncated])
            #expect(pair.server.listener.inputClosed == 0)
            #expect(!pair.server.channel.isActive)
        }
    }

    @Test func `nothing is handed on of bytes that somebody has changed`() async throws {
        try await withPair { pair in
            try pair.carry()
            try pair.client.channel.writeAndFlush(ByteBuffer(string: "pay 10 dollars")).wait()
            var bytes = try #require(try pair.client.outgoing().first)
            let last = bytes.writerIndex - 1
            let changed = try #require(bytes.getInteger(at: last, as: UInt8.self)) ^ 1
            bytes.setInteger(changed, at: last)
            try pair.server.channel.writeInbound(bytes)
            #expect(pair.server.listener.received.isEmpty)
            #expect(pair.server.listener.errors.count == 1)
            #expect(!pair.server.channel.isActive)
            try pair.carry()
            // The other end is told by an alert.
            #expect(pair.client.listener.errors == [.refused("bad record mac")])
        }
    }

    @Test func `a client that comes again resumes its session and sends no certificates around`() async throws
    {
        let client = try TLSContext(authorities: try await TestAuthority.shared.authorities)
        let servers = [try await SecureServer.context(), try await SecureServer.context()]
        func bytesOfHandshake(_ server: TLSContext) throws -> Int {
            let pair = try TLSPair(client: client, server: server)
            try pair.carry()
            #expect(pair.client.isSecure)
            return pair.bytesToClient
        }
        let bytes = try [servers[0], servers[0], servers[0], servers[1]].map(bytesOfHandshake)
        #expect(bytes[0] - bytes[1] > 400 && bytes[0] - bytes[2] > 400, "\(bytes)")
        // A server with new keys takes it for a stranger.
        #expect(bytes[3] - bytes[1] > 400, "\(bytes)")
    }

    @Test func `an error that somebody else left on the thread is not the connection's`() async throws {
        try await withPair { pair in
            // Half of what comes each time: libssl wants more, and says why by that thread's errors.
            func halves(_ bytes: ByteBuffer) throws -> [ByteBuffer] {
                try leaveAnErrorBehind()
                var rest = bytes
                let half = rest.readSlice(length: rest.readableBytes / 2)
                return [half, rest].compactMap(\.self)
            }
            try pair.carry(in: halves)
            try pair.client.channel.writeAndFlush(ByteBuffer(string: "still here")).wait()
            try pair.carry(in: halves)
            #expect(pair.server.listener.received == Array("still here".utf8))
            #expect(pair.client.listener.errors.isEmpty && pair.server.listener.errors.isEmpty)
        }
    }

    /// Has a function of libcrypto fail, as one that another library calls may.
    private func leaveAnErrorBehind() throws {
        typealias OpenFile = @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>) -> OpaquePointer?
        let function = try #require(dlsym(nil, "BIO_new_file"))
        #expect(unsafeBitCast(function, to: OpenFile.self)("/nowhere/at/all", "r") == nil)
    }

    @Test func `a write before the connection is secure fails`() async throws {
        try await withPair { pair in
            #expect(throws: ChannelError.ioOnClosedChannel) {
                try pair.client.channel.writeAndFlush(ByteBuffer(string: "in the open")).wait()
            }
            try pair.carry()
            #expect(pair.client.isSecure)
        }
    }

    @Test func `who goes during the handshake has not finished it`() async throws {
        try await withPair { pair in
            let hello = try #require(try pair.client.outgoing().first)
            try pair.server.channel.writeInbound(hello)
            pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            #expect(pair.server.secured.error == .closedInHandshake)
            _ = try pair.client.channel.finish(acceptAlreadyClosed: true)
            #expect(pair.client.secured.error == .closedInHandshake)
        }
    }
}
