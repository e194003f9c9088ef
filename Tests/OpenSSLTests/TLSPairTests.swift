// The TLS handler byte by byte: messages survive any fragmentation, every kind of end is reported, and corrupt data
// is rejected.

import Glibc
import NIOCore
import NIOEmbedded
import OpenSSL
import TestRandom
import Testing

struct TLSPairTests {
    /// Makes the contexts first; the body then runs on one thread.
    private func withPair(
        staysOpen: Bool = true, _ body: (TLSPair) throws -> Void
    ) async throws {
        let client = try TLSContext(authorities: try await TestAuthority.shared.authorities)
        let server = try await SecureServer.context()
        try body(try TLSPair(client: client, server: server, staysOpen: staysOpen))
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `data arrives complete, however the bytes are split`(seed: UInt64) async throws {
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
            try pair.transfer(in: cut)
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
                try pair.transfer(in: cut)
                #expect(pair.server.recorder.received == toServer)
                #expect(pair.client.recorder.received == toClient)
            }
            #expect(pair.client.recorder.errors.isEmpty && pair.server.recorder.errors.isEmpty)
        }
    }

    @Test func `writes before a flush leave in one write, and all their promises succeed`()
        async throws
    {
        try await withPair { pair in
            try pair.transfer()
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

    @Test func `close_notify ends the input once, and responses still pass`() async throws {
        try await withPair { pair in
            try pair.transfer()
            pair.client.channel.write(ByteBuffer(string: "last message"), promise: nil)
            pair.client.channel.flush()
            try pair.client.channel.close(mode: .output).wait()
            try pair.transfer()
            #expect(pair.server.recorder.received == Array("last message".utf8))
            #expect(pair.server.recorder.inputClosed == 1)
            // The FIN that follows must not be reported again.
            pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            #expect(pair.server.recorder.inputClosed == 1)
            #expect(pair.server.recorder.errors.isEmpty)

            try pair.server.channel.writeAndFlush(ByteBuffer(string: "an answer")).wait()
            try pair.transfer()
            #expect(pair.client.recorder.received == Array("an answer".utf8))
        }
    }

    @Test func `close_notify closes a channel that cannot stay half open`() async throws {
        try await withPair(staysOpen: false) { pair in
            try pair.transfer()
            try pair.server.channel.close().wait()
            try pair.transfer()
            #expect(!pair.client.channel.isActive)
            #expect(pair.client.recorder.isInactive)
            #expect(pair.client.recorder.errors.isEmpty)
        }
    }

    @Test(arguments: [false, true])
    func `an end without close_notify is an error`(isInactive: Bool) async throws {
        try await withPair { pair in
            try pair.transfer()
            if isInactive {
                pair.server.channel.pipeline.fireChannelInactive()
            } else {
                pair.server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            }
            #expect(pair.server.recorder.errors == [.truncated])
            #expect(pair.server.recorder.inputClosed == 0)
            #expect(!pair.server.channel.isActive)
        }
    }

    @Test func `corrupt bytes are not passed on`() async throws {
        try await withPair { pair in
            try pair.transfer()
            try pair.client.channel.writeAndFlush(ByteBuffer(string: "pay 10 dollars")).wait()
            var bytes = try #require(try pair.client.outgoing().first)
            let last = bytes.writerIndex - 1
            let changed = try #require(bytes.getInteger(at: last, as: UInt8.self)) ^ 1
            bytes.setInteger(changed, at: last)
            try pair.server.channel.writeInbound(bytes)
            #expect(pair.server.recorder.received.isEmpty)
            #expect(pair.server.recorder.errors.count == 1)
            #expect(!pair.server.channel.isActive)
            try pair.transfer()
            // The peer receives an alert.
            #expect(pair.client.recorder.errors == [.refused("bad record mac")])
        }
    }

    @Test func `a client that reconnects resumes its session without certificates`() async throws {
        let client = try TLSContext(authorities: try await TestAuthority.shared.authorities)
        let servers = [try await SecureServer.context(), try await SecureServer.context()]
        func bytesOfHandshake(_ server: TLSContext) throws -> Int {
            let pair = try TLSPair(client: client, server: server)
            try pair.transfer()
            #expect(pair.client.isSecure)
            return pair.bytesToClient
        }
        let bytes = try [servers[0], servers[0], servers[0], servers[1]].map(bytesOfHandshake)
        #expect(bytes[0] - bytes[1] > 400 && bytes[0] - bytes[2] > 400, "\(bytes)")
        // A server with new keys cannot resume the session.
        #expect(bytes[3] - bytes[1] > 400, "\(bytes)")
    }

    @Test func `an old error in the thread's queue is not attributed to the connection`() async throws {
        try await withPair { pair in
            // With half of the bytes libssl needs more, and tells so through the thread's error queue.
            func halves(_ bytes: ByteBuffer) throws -> [ByteBuffer] {
                try leaveAnErrorBehind()
                var rest = bytes
                let half = rest.readSlice(length: rest.readableBytes / 2)
                return [half, rest].compactMap(\.self)
            }
            try pair.transfer(in: halves)
            try pair.client.channel.writeAndFlush(ByteBuffer(string: "still here")).wait()
            try pair.transfer(in: halves)
            #expect(pair.server.recorder.received == Array("still here".utf8))
            #expect(pair.client.recorder.errors.isEmpty && pair.server.recorder.errors.isEmpty)
        }
    }

    /// Makes a libcrypto function fail, as a call by another library might.
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
            try pair.transfer()
            #expect(pair.client.isSecure)
        }
    }

    @Test func `a peer that closes during the handshake causes an error`() async throws {
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
