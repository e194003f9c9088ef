// The small forms of gRPC: timeouts, percent-encoding, prefixes, and the choice of the protocol.

import HTTP2
import Monitoring
import NIOCore
import RPCMessages
import TTRPC
import TestRPC
import Testing

@testable import GRPC
@testable import RPC

struct FormTests {
    @Test(
        arguments: [
            ("1H", 3_600_000_000_000), ("2M", 120_000_000_000), ("3S", 3_000_000_000), ("4m", 4_000_000),
            ("5u", 5000),
            ("6n", 6), ("99999999n", 99_999_999), ("99999999H", .max), ("0S", -1), ("", nil), ("S", nil),
            ("1", nil),
            ("1x", nil), ("-1S", nil), ("+1S", nil), ("123456789S", nil), ("1 S", nil),
        ] as [(String, Int64?)])
    func `a timeout is a number with a unit`(_ text: String, _ nanoseconds: Int64?) {
        #expect(CallHead.nanoseconds(timeout: text) == nanoseconds)
    }

    @Test(arguments: [
        ("plain text", "plain text"), ("100%", "100%25"), ("ümlaut\n", "%C3%BCmlaut%0A"), (" a ", "%20a%20"),
        ("", ""),
    ])
    func `a message is percent-encoded`(_ text: String, _ encoded: String) {
        #expect(PercentEncoding.encode(text) == encoded)
    }

    @Test func `details that are too long for the client or for everybody are left out`() {
        var status = Status(.aborted, "no", reason: "R", domain: "d")
        let all = status.trailers(after: HTTP2HeaderWriter(), limit: .max)
        let short = status.trailers(after: HTTP2HeaderWriter(), limit: 100)
        #expect(String(decoding: all, as: UTF8.self).contains("grpc-status-details-bin"))
        #expect(!String(decoding: short, as: UTF8.self).contains("grpc-status-details-bin"))
        status.add(RPCErrorInfo(reason: String(repeating: "x", count: 9000), domain: "d"))
        #expect(status.trailers(after: HTTP2HeaderWriter(), limit: .max).count < 100)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", "unknown_protocol"), ("POST / HTTP/1.1\r\n\r\n", "unknown_protocol"),
        (
            String(decoding: HTTP2Limits.clientPreface + [0, 0, 0, 9, 0, 0, 0, 0, 1], as: UTF8.self),
            "protocol_error"
        ),
    ])
    func `a connection that ends is counted for its reason`(_ first: String, _ reason: String) throws {
        let name = "ttrpc_connections_closed_total"
        let metrics = MetricsRegistry(families: [MetricFamily(name, .counter, help: "")])
        let peer = try GRPCPeer(protocols: [.ttrpc, .grpc], metrics: metrics, first: Array(first.utf8))
        try peer.advance(by: .seconds(60))
        #expect(!peer.isOpen)
        var page = PrometheusText()
        metrics.write(into: &page)
        #expect(page.text.contains("\(name){reason=\"\(reason)\"} 1\n"), "\(page.text)")
    }

    @Test func `the first byte tells the protocol, and another one is closed`() throws {
        let peer = try GRPCPeer(protocols: [.ttrpc, .grpc])
        try peer.call("/grpc.health.v1.Health/Check", 1, HealthCheckRequest())
        #expect(peer.answers[1]?.status == "0")
        let stranger = try GRPCPeer(protocols: [.ttrpc, .ttrpc])
        #expect(!stranger.isOpen)
        let wrong = try GRPCPeer(protocols: [.ttrpc])
        #expect(wrong.goAways == [])
    }
}
