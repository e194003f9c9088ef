// Why connections end, as the metrics tell it: each reason counts the connections that end for it, and no other.

import Monitoring
import NIOCore
import NIOEmbedded
import TestRPC
import Testing

@testable import RPC
@testable import TTRPC

struct ConnectionEndingTests {
    /// What happens to a connection, and the reason that this counts for.
    struct Case: CustomTestStringConvertible, Sendable {
        let reason: String
        let happen: @Sendable (InProcessConnection) throws -> Void

        var testDescription: String { reason }
    }

    private static let reasons: [Case] = [
        Case(reason: "by_peer") { connection in
            try connection.receive([(1, .healthCheck)])
            try connection.channel.close().wait()
        },
        Case(reason: "failed") { $0.channel.pipeline.fireErrorCaught(ChannelError.ioOnClosedChannel) },
        Case(reason: "idle") { $0.loop.advanceTime(by: .seconds(1800)) },
        Case(reason: "drained") { connection in
            connection.server.connections.drain()
            connection.loop.advanceTime(by: .seconds(60))
        },
        Case(reason: "slow_peer") { connection in
            try connection.channel.writeInbound(ByteBuffer(bytes: [0]))
            connection.loop.advanceTime(by: .seconds(10))
        },
        Case(reason: "not_ttrpc") { try $0.channel.writeInbound(ByteBuffer(string: "GET / HTTP/1.1\r\n")) },
        Case(reason: "useless_frames") { connection in
            for _ in 0...ServerConfiguration().maximumUselessFrames {
                try connection.channel.writeInbound(RawPeer.frame(9, 1, body: []))
            }
        },
    ]

    @Test(arguments: reasons) func `a connection that ends is counted once and for its reason`(
        ending: Case
    ) throws {
        let metrics = Self.registry()
        let connection = try InProcessConnection(metrics: metrics)
        #expect(Self.counts(in: metrics) == [])
        try ending.happen(connection)
        // However long the peer takes to close its side.
        connection.loop.advanceTime(by: .seconds(60))
        #expect(!connection.channel.isActive)
        #expect(Self.counts(in: metrics) == ["\(Self.name){reason=\"\(ending.reason)\"} 1"])
    }

    @Test func `a connection that never becomes secure is counted as such`() throws {
        let metrics = Self.registry()
        let loop = EmbeddedEventLoop()
        let server = Server(
            router: Router(), wire: .ttrpc, group: loop, logger: LogLines().logger, metrics: metrics)
        let channel = EmbeddedChannel(loop: loop)
        try server.serve(channel) { $0.eventLoop.makeFailedFuture(ChannelError.eof) }.wait()
        loop.advanceTime(by: .seconds(60))
        #expect(!channel.isActive)
        #expect(Self.counts(in: metrics) == ["\(Self.name){reason=\"not_secured\"} 1"])
    }

    @Test func `every reason is among these`() {
        let violations = RateLimitedLogger.Kind.allCases.map { ConnectionEnding.violation($0).label }
        let others = [ConnectionEnding.byPeer, .failed, .idle, .drained].map(\.label)
        // The tests of gRPC have those of its wire.
        let elsewhere = ["not_secured", "no_proxy_header", "not_http2", "protocol_error", "unknown_protocol"]
        #expect(Set(violations + others) == Set(Self.reasons.map(\.reason) + elsewhere))
    }

    private static let name = "ttrpc_connections_closed_total"

    private static func registry() -> MetricsRegistry {
        MetricsRegistry(families: [MetricFamily(name, .counter, help: "")])
    }

    private static func counts(in registry: MetricsRegistry) -> [String] {
        var page = PrometheusText()
        registry.write(into: &page)
        return page.text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    }
}
