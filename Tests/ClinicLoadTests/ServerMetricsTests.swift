// The server's metrics of a run, read from pages as clinicd serves them, and from faulty servers.

import Monitoring
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import clinic_load

struct ServerMetricsTests {
    private static let before = """
        # HELP clinic_calls_total Calls that have ended, by method and code.
        # TYPE clinic_calls_total counter
        clinic_received_bytes_total 1000
        clinic_sent_bytes_total 500
        clinic_call_errors_total{reason="SLOT_TAKEN"} 5
        clinic_call_errors_total{reason="OVERLOADED"} 2
        clinic_database_wait_seconds_total{pool="reads"} 0.5
        clinic_database_wait_seconds_total{pool="writes"} 1.5
        clinic_database_statements_total{pool="reads"} 100
        clinic_database_statements_total{pool="writes"} 100
        clinic_database_batches_total{pool="reads"} 50
        clinic_database_batches_total{pool="writes"} 20
        process_cpu_seconds_total 10
        process_resident_memory_bytes 1000000
        process_start_time_seconds 1790000000.25

        """

    private static let after = """
        clinic_received_bytes_total 4000
        clinic_sent_bytes_total 2500
        clinic_call_errors_total{reason="SLOT_TAKEN"} 105
        clinic_call_errors_total{reason="OVERLOADED"} 2
        clinic_call_errors_total{reason="STALE_ETAG"} 1
        clinic_database_wait_seconds_total{pool="reads"} 0.75
        clinic_database_wait_seconds_total{pool="writes"} 4
        clinic_database_statements_total{pool="reads"} 100
        clinic_database_statements_total{pool="writes"} 900
        clinic_database_batches_total{pool="reads"} 50
        clinic_database_batches_total{pool="writes"} 120
        process_cpu_seconds_total 12.5
        process_resident_memory_bytes 2e+06
        process_start_time_seconds 1790000000.26

        """

    private func reading(_ text: String, after: Duration = .zero) -> ServerMetrics.Reading {
        ServerMetrics.Reading(taken: Self.baseTime + after, page: MetricsPage(text))
    }
    private static let baseTime = ContinuousClock.now

    @Test func `the report is the difference of two pages`() {
        let report = reading(Self.after, after: .seconds(5)).difference(since: reading(Self.before))
        #expect(report.processorShare == 0.5)
        #expect(report.residentMemoryBytes == 2_000_000)
        #expect(report.receivedBytes == 3_000 && report.sentBytes == 2_000)
        #expect(report.waitSeconds == ["reads": 0.25, "writes": 2.5])
        #expect(report.statementsPerGroup == ["writes": 8])
        #expect(report.refused == ["SLOT_TAKEN": 100, "STALE_ETAG": 1])
        #expect(!report.restarted)
    }

    @Test func `a restarted server has counted from zero`() {
        let page = Self.before.replacing("1790000000.25", with: "1790000100.00")
        let report = reading(page, after: .seconds(20)).difference(since: reading(Self.after))
        #expect(report.restarted)
        #expect(report.receivedBytes == 1_000)
        #expect(report.processorShare == 0.5)
    }

    @Test func `a page is read from the page server`() async throws {
        let counter = SharedCount()
        let server = try await PageServer.start(host: "127.0.0.1", port: 0) { path, _ in
            guard path == "/metrics" else { return nil }
            let isFirst = counter.value.add(1, ordering: .relaxed).oldValue == 0
            return MonitoringPage(isFirst ? Self.before : Self.after)
        }
        let address = "http://127.0.0.1:\(server.port)"
        let first = try await ServerMetrics.read(from: address + "/metrics")
        let second = try await ServerMetrics.read(from: address)
        #expect(second.difference(since: first).receivedBytes == 3_000)
        let error = await #expect(throws: ServerMetricsError.self) {
            try await ServerMetrics.read(from: address + "/other")
        }
        #expect(error?.description == "cannot read \(address)/other: the response is 404 Not Found")
        await server.stop()
        // Port 1 instead of the server's own port, which another test may use by now.
        let refused = await #expect(throws: ServerMetricsError.self) {
            try await ServerMetrics.read(from: "http://127.0.0.1:1")
        }
        #expect(refused?.description.contains("refused") == true)
    }

    @Test(
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nup 1\n\n", "is not the metrics of a clinic"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\nclinic_",
                "the connection ended before the response did"
            ),
            ("SSH-2.0-OpenSSH_9.2\r\n", "the response is not HTTP"),
            ("", "the connection ended before the response did"),
        ])
    func `a server without metrics is rejected`(answer: String, reason: String) async throws {
        try await expectRejection(of: answer, reason)
    }

    // A separate test, because arguments are printed.
    @Test func `a page that is too long is rejected`() async throws {
        try await expectRejection(
            of: "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "clinic_a 1\n", count: 1 << 20),
            "the response is longer than 8.00 MiB")
    }

    private func expectRejection(of answer: String, _ reason: String) async throws {
        let listener = try await answering(answer)
        let port = try #require(listener.localAddress?.port)
        let error = await #expect(throws: ServerMetricsError.self) {
            try await ServerMetrics.read(from: "http://127.0.0.1:\(port)/metrics")
        }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
        try await listener.close()
    }

    /// A server that sends a fixed response and closes.
    private func answering(_ text: String) async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AnsweringHandler(text))
                }
            }.bind(host: "127.0.0.1", port: 0).get()
    }

    @Test(arguments: [
        "", "127.0.0.1:9100", "https://a:1/metrics", "http://", "http://:80/", "http://a:0/",
        "http://a:65536/",
        "http://u@a/", "http://a/ b", "http://a/\r\nb", "http://[::1/", "http://a]:1/",
    ])
    func `a malformed address is rejected`(address: String) {
        #expect(WebLocation(address) == nil)
    }

    @Test func `an address has a host, a port and a path`() {
        #expect(
            WebLocation("http://[::1]:9100/m?x=1").map { "\($0.host) \($0.port) \($0.path)" }
                == "::1 9100 /m?x=1")
        #expect(WebLocation("http://host").map { "\($0.host) \($0.port) \($0.path)" } == "host 80 /metrics")
        #expect(WebLocation("http://[::1]/").map { "\($0.host) \($0.port) \($0.path)" } == "::1 80 /")
    }

    @Test func `labels are parsed with escapes, and malformed lines are ignored`() {
        let page = MetricsPage(
            #"""
            a{x="1",y="q\"\\\n}"} 2 1700000000
            a{x="2"} 3
            a{x="3} 4
            a{x=} 4
            b NaN
            c{
            d
            """#)
        #expect(page.sum("a") == 5)
        #expect(page.sum("a", ["y": "q\"\\\n}"]) == 2)
        #expect(page.values.count == 2)
    }
}

/// A count shared by closures.
private final class SharedCount: Sendable {
    let value = Atomic<Int>(0)
}

private final class AnsweringHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let text: String

    init(_ text: String) {
        self.text = text
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenComplete { _ in
            channel.close(mode: .output, promise: nil)
        }
    }
}
