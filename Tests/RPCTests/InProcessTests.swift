// The server's connection without a socket: which answers leave in which write, and what happens when the channel
// turns back on the connection in the middle of one. All on one thread, so that each step is the next.

import NIOCore
import NIOEmbedded
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

struct InProcessTests {
    @Test func `the answers of one read leave in one write`() throws {
        let connection = try InProcessConnection()
        try connection.receive((0..<20).map { (UInt32($0 * 2 + 1), .healthCheck) })
        #expect(try connection.nextWrite() == (0..<20).map { UInt32($0 * 2 + 1) })
        #expect(try connection.nextWrite() == nil)
    }

    @Test func `the answers of one wake-up leave in one write`() throws {
        let connection = try InProcessConnection()
        try connection.receive([1, 3, 5].map { ($0, .test(TestMethods.waitStubbornly, "a")) })
        #expect(try connection.nextWrite() == nil)
        connection.gates.open("a")
        connection.loop.run()
        #expect(try connection.nextWrite() == [1, 3, 5])
        #expect(try connection.nextWrite() == nil)
    }

    @Test func `a deadline is kept to the nanosecond of the event loop's clock`() throws {
        let connection = try InProcessConnection()
        try connection.receive([
            (1, .test(TestMethods.waitStubbornly, "a", timeoutNano: 2_000_000_000)),
            (3, .test(TestMethods.waitStubbornly, "a", timeoutNano: 1_000_000_000)),
        ])
        connection.loop.advanceTime(by: .nanoseconds(999_999_999))
        #expect(try connection.nextWrite() == nil)
        connection.loop.advanceTime(by: .nanoseconds(1))
        #expect(try connection.nextWrite() == [3])
        connection.loop.advanceTime(by: .seconds(1))
        #expect(try connection.nextWrite() == [1])
        connection.gates.open("a")
        connection.loop.run()
        #expect(try connection.nextWrite() == nil)
    }

    @Test func `many answers of one read leave early, and the rest waits for the peer`() throws {
        let connection = try InProcessConnection()
        connection.channel.isWritable = false
        try connection.receive((0..<4).map { (UInt32($0 * 2 + 1), .test(TestMethods.letters, "40000")) })
        #expect(try connection.nextWrite() == [1, 3])
        #expect(try connection.nextWrite() == nil)
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try connection.nextWrite() == [5, 7])
    }

    /// Counts how often the channel is asked to read.
    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var count = 0

        func read(context: ChannelHandlerContext) {
            count += 1
            context.read()
        }
    }

    @Test func `nothing is read from a peer that does not read, until it does`() throws {
        let counter = ReadCounter()
        let connection = try InProcessConnection(under: [counter])
        let before = counter.count
        connection.channel.isWritable = false
        connection.channel.read()
        connection.channel.read()
        #expect(counter.count == before)
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        #expect(counter.count == before + 1)
        connection.channel.read()
        #expect(counter.count == before + 2)
    }

    /// Makes the channel writable in the middle of a flush, as a socket that took all bytes does.
    private final class WritableOnFlush: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var channel: EmbeddedChannel?

        func flush(context: ChannelHandlerContext) {
            context.flush()
            guard let channel else { return }
            self.channel = nil
            channel.isWritable = true
            channel.pipeline.fireChannelWritabilityChanged()
        }
    }

    @Test func `no answer is sent twice when a flush makes the channel writable`() throws {
        let handler = WritableOnFlush()
        let connection = try InProcessConnection(under: [handler])
        connection.channel.isWritable = false
        try connection.receive([
            (1, .test(TestMethods.waitStubbornly, "a")), (3, .test(TestMethods.letters, "70000")),
            (5, .healthCheck),
        ])
        #expect(try connection.nextWrite() == [3])
        #expect(try connection.nextWrite() == nil)
        handler.channel = connection.channel
        connection.gates.open("a")
        connection.loop.run()
        #expect(try connection.nextWrite() == [1])
        #expect(try connection.nextWrite() == [5])
        #expect(try connection.nextWrite() == nil)
    }
}
