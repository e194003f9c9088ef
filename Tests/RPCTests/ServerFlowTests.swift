// Streams whose messages come faster than their handlers take them, step by step without a socket: when reading
// stops, when it goes on, and who has to go.

import NIOCore
import NIOEmbedded
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestMessages
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

struct ServerFlowTests {
    /// Counts how often the channel is asked to read.
    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var count = 0

        func read(context: ChannelHandlerContext) {
            count += 1
            context.read()
        }
    }

    private static func configuration(
        messages: Int = 4, bytes: Int = 1 << 20, all: Int = 1 << 20
    ) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.maximumQueuedMessages = messages
        configuration.maximumQueuedBytes = bytes
        configuration.maximumQueuedBytesPerConnection = all
        return configuration
    }

    /// Frames of so many messages on a stream.
    private func messages(_ count: Int, on streamID: UInt32, bytes: Int = 1) -> ByteBuffer {
        var frames = ByteBuffer()
        let body = JoinRequest.body(String(repeating: "x", count: bytes))
        for _ in 0..<count { frames.writeImmutableBuffer(RawPeer.frame(3, streamID, body: body)) }
        return frames
    }

    private var healthCheck: ByteBuffer { RawPeer.frame(1, 99, body: TTRPCRequest.healthCheck.encoded()) }

    @Test func `a full stream stops reading, and its handler starts it again`() throws {
        let counter = ReadCounter()
        let connection = try InProcessConnection(Self.configuration(), under: [counter])
        try connection.receive([(1, .join("wait a"))])
        // The first is with the handler; four may wait; the next has to stay outside with all that follows.
        try connection.channel.writeInbound(messages(4, on: 1))
        try connection.channel.writeInbound(healthCheck)
        #expect(try connection.nextWrite() == [99])
        try connection.channel.writeInbound(messages(1, on: 1))
        try connection.channel.writeInbound(healthCheck)
        #expect(try connection.nextWrite() == nil)
        let before = counter.count
        connection.channel.read()
        #expect(counter.count == before)
        connection.gates.open("a")
        connection.loop.run()
        #expect(try connection.nextWrite() == [99])
        #expect(counter.count == before + 1)
        try connection.channel.writeInbound(RawPeer.frame(3, 1, flags: 5, body: []))
        connection.loop.run()
        #expect(try connection.nextWrite() == [1])
    }

    @Test func `after the grace time a full stream has to go, and the others go on`() throws {
        let connection = try InProcessConnection(Self.configuration())
        try connection.receive([(1, .join("wait a")), (3, .chat("wait b"))])
        try connection.channel.writeInbound(messages(100, on: 1))
        try connection.channel.writeInbound(healthCheck)
        connection.loop.advanceTime(by: .nanoseconds(999_999_999))
        #expect(try connection.nextWrite() == nil)
        connection.loop.advanceTime(by: .nanoseconds(1))
        connection.loop.run()
        #expect(try connection.nextWrite() == [1, 99])
        #expect(connection.gates.wasCancelled("a"))
        #expect(!connection.gates.wasCancelled("b"))
        connection.gates.open("b")
        connection.loop.run()
        #expect(try connection.nextWrite() == [3])
    }

    @Test func `a stream that takes a message now and then has no more patience than one that takes none`()
        throws
    {
        let connection = try InProcessConnection(Self.configuration(messages: 2))
        try connection.receive([(1, .join("wait 0"))])
        for number in 1...9 {
            try connection.channel.writeInbound(
                RawPeer.frame(3, 1, body: JoinRequest.body("wait \(number)")))
        }
        try connection.channel.writeInbound(healthCheck)
        // Each is taken after 0.3 s. The connection stands still for one second in all.
        for number in 0..<3 {
            connection.loop.advanceTime(by: .milliseconds(300))
            connection.loop.run()
            #expect(try connection.nextWrite() == nil)
            connection.gates.open("\(number)")
            connection.loop.run()
        }
        connection.loop.advanceTime(by: .milliseconds(99))
        #expect(try connection.nextWrite() == nil)
        connection.loop.advanceTime(by: .milliseconds(1))
        connection.loop.run()
        #expect(try connection.nextWrite() == [1, 99])
    }

    @Test func `bytes fill a stream as messages do, and one long message always fits`() throws {
        let connection = try InProcessConnection(Self.configuration(messages: 100, bytes: 1000))
        try connection.receive([(1, .join("wait a"))])
        try connection.channel.writeInbound(messages(1, on: 1, bytes: 100_000))
        try connection.channel.writeInbound(healthCheck)
        #expect(try connection.nextWrite() == [99])
        try connection.channel.writeInbound(messages(1, on: 1))
        try connection.channel.writeInbound(healthCheck)
        #expect(try connection.nextWrite() == nil)
        connection.loop.advanceTime(by: .seconds(1))
        #expect(try connection.nextWrite() == [1, 99])
    }

    @Test func `what all streams hold is bounded, and the one that holds the most has to go`() throws {
        let connection = try InProcessConnection(Self.configuration(messages: 100, all: 10_000))
        try connection.receive([(1, .join("wait a")), (3, .join("wait b")), (5, .join("wait c"))])
        try connection.channel.writeInbound(messages(3, on: 1, bytes: 1000))
        try connection.channel.writeInbound(messages(7, on: 3, bytes: 1000))
        try connection.channel.writeInbound(healthCheck)
        #expect(try connection.nextWrite() == [99])
        try connection.channel.writeInbound(messages(1, on: 5, bytes: 1000))
        try connection.channel.writeInbound(healthCheck)
        #expect(try connection.nextWrite() == nil)
        connection.loop.advanceTime(by: .seconds(1))
        #expect(try connection.nextWrite() == [3, 99])
        for name in ["a", "c"] { #expect(!connection.gates.wasCancelled(name)) }
        for name in ["a", "b", "c"] { connection.gates.open(name) }
        connection.loop.run()
    }

    @Test func `a frame that waits when its stream ends is dropped, and reading goes on`() throws {
        let connection = try InProcessConnection(Self.configuration())
        try connection.receive([(1, .join("wait a", timeoutNano: 500_000_000))])
        try connection.channel.writeInbound(messages(10, on: 1))
        try connection.channel.writeInbound(healthCheck)
        connection.loop.advanceTime(by: .milliseconds(500))
        connection.loop.run()
        #expect(try connection.nextWrite() == [1])
        #expect(try connection.nextWrite() == [99])
    }

    @Test func `the end of the client's side waits for the frames before it`() throws {
        let connection = try InProcessConnection(Self.configuration())
        try connection.receive([(1, .join("wait a"))])
        try connection.channel.writeInbound(messages(10, on: 1))
        try connection.channel.writeInbound(RawPeer.frame(3, 1, flags: 5, body: []))
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(try connection.nextWrite() == nil)
        connection.gates.open("a")
        connection.loop.run()
        #expect(try connection.nextWrite() == [1])
        #expect(!connection.channel.isActive)
    }

    @Test func `a sender waits for a channel that takes nothing, and is let go with its call`() throws {
        let connection = try InProcessConnection()
        connection.channel.isWritable = false
        try connection.receive([(1, .count(3)), (3, .count(3, timeoutNano: 1_000_000_000))])
        #expect(try connection.nextWrite() == nil)
        connection.loop.advanceTime(by: .seconds(1))
        #expect(try connection.nextWrite() == [3])
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        connection.loop.run()
        #expect(try connection.nextWrite() == [1])
        #expect(try connection.nextWrite() == [1, 1, 1])
        #expect(try connection.nextWrite() == nil)
    }

    /// A channel that takes so many bytes and is not writable then.
    private final class SmallChannel: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        private let limit: Int
        private var byteCount = 0

        init(limit: Int) {
            self.limit = limit
        }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            byteCount += unwrapOutboundIn(data).readableBytes
            context.write(data, promise: promise)
            guard byteCount >= limit, let channel = context.channel as? EmbeddedChannel, channel.isWritable
            else {
                return
            }
            channel.isWritable = false
            channel.pipeline.fireChannelWritabilityChanged()
        }
    }

    @Test func `what all streams send to a peer that does not read is bounded`() throws {
        let connection = try InProcessConnection(under: [SmallChannel(limit: 256 << 10)])
        try connection.receive((0..<100).map { (UInt32($0 * 2 + 1), .count(1000, bytes: 5000)) })
        for _ in 0..<1000 { connection.loop.run() }
        var byteCount = 0
        while let bytes = try connection.channel.readOutbound(as: ByteBuffer.self) {
            byteCount += bytes.readableBytes
        }
        #expect(byteCount >= 256 << 10)
        // At most what gathers before a write comes on top of it, and the message that goes over that.
        #expect(byteCount <= (256 << 10) + (64 << 10) + 5100)
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try connection.nextWrite() != nil)
    }

    @Test func `what a stream sends in one turn is bounded`() throws {
        let connection = try InProcessConnection(Self.configuration(messages: 4))
        try connection.receive([(1, .count(10))])
        connection.loop.run()
        var count = 0
        while let write = try connection.nextWrite() {
            #expect(write.count <= 5)
            count += write.count
        }
        #expect(count == 11)
    }
}
