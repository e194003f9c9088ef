// What is seen of the daemon from outside: its pages over HTTP, and that they say what has happened.

import ClinicClient
import ClinicMessages
import Foundation
import PostgreSQL
import RPC
import RPCMessages
import TTRPC
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct MetricsTests {
    private static let user = "clinic.v1.UserService"

    @Test func `the counters move by exactly the calls that were made`() async throws {
        try await serving { clinic, _, port in
            let client = clinic.client()
            let before = try await metrics(port)
            #expect(before.sum("clinic_calls_total") == 0)

            for _ in 0..<3 { _ = try await client.call(HealthMethods.check, HealthCheckRequest()) }
            _ = try await clinic.signUp("ann@example.org")
            _ = try await status { _ = try await clinic.signUp("ann@example.org") }
            _ = try await status {
                _ = try await clinic.logIn("ann@example.org", password: "not her password")
            }
            _ = try await status {
                _ = try await client.call(BookingServiceMethods.listMyBookings, ListMyBookingsRequest())
            }
            let raw = try await Client.connect(to: clinic.socket)
            for name in ["clinic.v1.Nothing", "clinic.v1.UserService", "x\"y\nz{}"] {
                _ = try await status {
                    _ = try await raw.call(service: name, method: "Nothing-at-all", payload: [])
                }
            }

            let after = try await metrics(port)
            func calls(_ service: String, _ method: String, _ code: String) -> Double {
                after.value(
                    "clinic_calls_total",
                    ["service": service, "method": method, "protocol": "ttrpc", "code": code])
            }
            #expect(calls("grpc.health.v1.Health", "Check", "OK") == 3)
            #expect(calls(Self.user, "CreateUser", "OK") == 1)
            #expect(calls(Self.user, "CreateUser", "ALREADY_EXISTS") == 1)
            #expect(calls(Self.user, "Login", "UNAUTHENTICATED") == 1)
            #expect(calls("clinic.v1.BookingService", "ListMyBookings", "UNAUTHENTICATED") == 1)
            #expect(calls("unknown", "unknown", "UNIMPLEMENTED") == 3)
            #expect(after.sum("clinic_calls_total") == 10)
            let checks = ["service": "grpc.health.v1.Health", "method": "Check", "protocol": "ttrpc"]
            #expect(after.value("clinic_call_duration_seconds_count", checks) == 3)
            #expect(after.sum("clinic_call_duration_seconds_count") == 7)
            let logins = after.value(
                "clinic_call_duration_seconds_sum",
                ["service": Self.user, "method": "Login", "protocol": "ttrpc"])
            #expect(logins > 0.0005 && logins < 60)

            for (reason, count) in [
                ("EMAIL_TAKEN", 1), ("WRONG_CREDENTIALS", 1), ("NOT_SIGNED_IN", 1),
            ] as [(String, Double)] {
                #expect(after.value("clinic_call_errors_total", ["reason": reason]) == count, "\(reason)")
            }
            #expect(after.sum("clinic_call_errors_total") == 6)
            #expect(after.value("clinic_call_errors_total", ["reason": "UNKNOWN_SERVICE"]) == 2)
            #expect(after.value("clinic_call_errors_total", ["reason": "UNKNOWN_METHOD"]) == 1)
            #expect(after.value("clinic_calls_in_flight") == 0)
            #expect(after.value("clinic_connections_open") >= 2)
            #expect(after.value("clinic_received_bytes_total") > 500)
            #expect(after.value("clinic_sent_bytes_total") > 500)
            await raw.close()
            await client.close()
        }
    }

    @Test func `connections and streams are counted while they are there and when they are gone`()
        async throws
    {
        try await serving { clinic, _, port in
            let before = try await metrics(port)
            let client = try await Client.connect(to: clinic.socket)
            let watch = client.serverStream(HealthMethods.watch, HealthCheckRequest())
            for try await response in watch {
                #expect(response.status == .serving)
                break
            }
            let during = try await metrics(port)
            #expect(during.value("clinic_connections_open") == 1)
            #expect(during.value("clinic_streams_open") == 1)
            #expect(during.value("clinic_calls_in_flight") == 1)
            await client.close()
            try await eventually("the end of the connection") {
                try await metrics(port).value("clinic_connections_open") == 0
            }
            let after = try await metrics(port)
            #expect(after.value("clinic_streams_open") == 0)
            #expect(
                after.value("clinic_connections_accepted_total")
                    - before.value("clinic_connections_accepted_total") == 1)
            #expect(
                after.sum("clinic_connections_closed_total") - before.sum("clinic_connections_closed_total")
                    == 1)
            #expect(
                after.value(
                    "clinic_calls_total",
                    [
                        "service": "grpc.health.v1.Health", "method": "Watch", "protocol": "ttrpc",
                        "code": "CANCELLED",
                    ]) == 1)
        }
    }

    @Test func `readiness and the figures of the database follow PostgreSQL`() async throws {
        let clinic = try await Installation.withPostgreSQL()
        try await clinic.serving(["--metrics", "127.0.0.1:0"]) { daemon in
            let line = try await daemon.line(with: "metrics on 127.0.0.1:")
            let port = try #require(line.split(separator: ":").last.flatMap { Int($0) })
            _ = try await clinic.signUp("ann@example.org")
            let before = try await metrics(port)
            #expect(before.value("clinic_database_available") == 1)
            for pool in ["reads", "writes"] {
                #expect(before.value("clinic_database_connections", ["pool": pool]) >= 1)
                #expect(before.value("clinic_database_waiting_statements", ["pool": pool]) == 0)
                #expect(before.value("clinic_database_statements_in_flight", ["pool": pool]) == 0)
            }
            #expect(before.value("clinic_database_statements_total", ["pool": "writes"]) >= 1)
            #expect(before.value("clinic_database_batches_total", ["pool": "writes"]) >= 1)
            let ready = try await WebAnswer.get("/readyz", port: port)
            #expect(ready.status == 200 && ready.body == "serving\n")

            let server = TestCluster.hang(try #require(clinic.postmaster))
            defer { server.resume() }
            try await eventually("not ready", within: .seconds(60)) {
                // Nothing is asked of a database that nobody needs, and the first of these calls may be answered from memory.
                _ = try await status {
                    _ = try await clinic.client(within: .seconds(2)).call(
                        DoctorServiceMethods.listDoctors, ListDoctorsRequest())
                }
                return try await WebAnswer.get("/readyz", port: port).status == 503
            }
            let answer = try await WebAnswer.get("/readyz", port: port)
            #expect(answer.body == "not serving: the database cannot be reached\n")
            #expect(try await WebAnswer.get("/healthz", port: port).status == 200)
            #expect(try await metrics(port).value("clinic_database_available") == 0)

            server.resume()
            try await eventually("ready again", within: .seconds(30)) {
                try await WebAnswer.get("/readyz", port: port).status == 200
            }
            #expect(try await metrics(port).sum("clinic_database_reconnects_total") >= 1)
        }
    }

    @Test func `a daemon that shuts down is alive and not ready`() async throws {
        let (clinic, daemon, port) = try await serve()
        // A call in flight that its server waits for.
        let url = try #require(clinic.database)
        let holder = Task {
            try? await AdminConnection.withConnection(url: url) { connection in
                try connection.execute("BEGIN; LOCK TABLE clinic.doctor; SELECT pg_sleep(60)")
            }
        }
        try await eventually("the lock") {
            var row = try await TestCluster.administer(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep'",
                [.text(TestCluster.databaseName(of: url))])[0]
            return try row.int64() == 1
        }
        let client = clinic.client()
        let call = Task { try await client.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest()) }
        try await eventually("a call in flight") {
            try await metrics(port).value("clinic_calls_in_flight") == 1
        }
        daemon.signal(SIGTERM)
        try await eventually("not ready") {
            try await WebAnswer.get("/readyz", port: port).status == 503
        }
        #expect(
            try await WebAnswer.get("/readyz", port: port).body
                == "not serving: the daemon is shutting down\n"
        )
        #expect(try await WebAnswer.get("/healthz", port: port).status == 200)
        _ = try await TestCluster.administer(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND query LIKE 'BEGIN; LOCK%'",
            [.text(TestCluster.databaseName(of: url))])
        _ = await call.result
        await holder.value
        await client.close()
        #expect(try await daemon.end().status == 0)
    }

    @Test func `the process and its version are described`() async throws {
        try await serving { _, _, port in
            let page = try await metrics(port)
            let now = Date().timeIntervalSince1970
            #expect(page.value("process_resident_memory_bytes") > 4_194_304)
            #expect((5...10_000).contains(page.value("process_open_fds")))
            #expect(page.value("process_max_fds") >= page.value("process_open_fds"))
            #expect(page.value("process_cpu_seconds_total") > 0)
            #expect((now - 600...now + 1).contains(page.value("process_start_time_seconds")))
            let version = try await Program.run("clinicd", ["--version"]).output
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let number = try #require(version.split(separator: " ").last.map(String.init))
            #expect(page.value("clinic_build_info", ["version": number]) == 1)
        }
    }

    // MARK: - The pages

    @Test func `only what is there is answered, and only to GET and HEAD`() async throws {
        try await serving { _, _, port in
            let health = try await WebAnswer.get("/healthz", port: port)
            #expect(health.status == 200 && health.body == "alive\n")
            #expect(health.head.contains("connection: close"))
            let page = try await WebAnswer.get("/metrics", port: port)
            #expect(page.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"))
            #expect(page.head.contains("content-length: \(page.body.utf8.count)"))
            for target in ["/healthz?x=1", "http://127.0.0.1/healthz", "http://127.0.0.1/healthz?x#y"] {
                #expect(try await WebAnswer.get(target, port: port).body == "alive\n", "\(target)")
            }
            let head = try await WebAnswer.to("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n", port: port)
            #expect(head.status == 200 && head.head.contains("content-length: 6") && head.body.isEmpty)
            for path in ["/", "/metrics/", "/?/metrics", "/etc/passwd", "//metrics", "/../metrics"] {
                #expect(try await WebAnswer.get(path, port: port).status == 404, "\(path)")
            }
            for method in ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT"] {
                let answer = try await WebAnswer.to(
                    "\(method) /metrics HTTP/1.1\r\nHost: x\r\n\r\n", port: port)
                #expect(answer.status == 405 || answer.status == 400, "\(method)")
                #expect(!answer.body.contains("clinic_"))
            }
        }
    }

    @Test func `requests that are wrong or too long are refused, and nobody else notices`() async throws {
        try await serving { _, _, port in
            let long = String(repeating: "a", count: 100_000)
            for (request, statuses) in [
                ("GET /metrics HTTP/1.1\r\nHost: x\r\nX: \(long)\r\n\r\n", [431]),
                ("GET /\(long) HTTP/1.1\r\nHost: x\r\n\r\n", [431]),
                ("GET /metrics HTTP/1.1\r\n\(String(repeating: "a: b\r\n", count: 200))\r\n", [431]),
                ("GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", [400]),
                ("GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400]),
                ("GET /metrics HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", [400]),
                ("GET /metrics HTTP/3.9\r\nHost: x\r\n\r\n", [400]),
                ("\u{0}\u{0}\u{0}\u{5}\u{0}\u{0}\u{0}\u{1}\u{1}\u{0}hello\r\n\r\n", [400]),
                ("nonsense\r\n\r\n", [400]),
            ] {
                let answer = try await WebAnswer.to(request, port: port)
                #expect(statuses.contains(answer.status), "\(request.prefix(60)): \(answer.status)")
            }
            #expect(try await WebAnswer.get("/healthz", port: port).status == 200)
            // Only the first request of a connection is answered.
            let twice = try await WebAnswer.to(
                "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", port: port
            )
            #expect(twice.body == "alive\n")
        }
    }

    @Test func `silent and slow clients are closed in time, and there are never many`() async throws {
        try await serving { _, _, port in
            let before = try await metrics(port).value("process_open_fds")
            let start = ContinuousClock.now
            let slow = try (0..<40).map { _ in try RawConnection(port: port) }
            for connection in slow { connection.send("GET /metr") }
            // More than there is room for: they are closed at once.
            try await eventually("the closed ones", within: .seconds(4)) {
                var closed = 0
                for connection in slow where try await connection.receiveToEnd(within: .zero) != nil {
                    closed += 1
                }
                return closed >= slow.count - 16
            }
            for connection in slow {
                let rest = max(start + .seconds(15) - .now, .zero)
                #expect(try await connection.receiveToEnd(within: rest) != nil)
            }
            try await eventually("room") {
                (try? await WebAnswer.get("/healthz", port: port))?.status == 200
            }
            #expect(try await metrics(port).value("process_open_fds") <= before + 1)
        }
    }

    @Test func `a port that is taken is complained about`() async throws {
        let taken = try ListeningSocket()
        let clinic = try await Installation.withDatabase()
        let daemon = try clinic.start(["--metrics", "127.0.0.1:\(taken.port)", "--log-level", "warning"])
        expectComplaint(
            try await daemon.end(), "cannot listen on tcp:127.0.0.1:\(taken.port): address in use")
    }

    // MARK: -

    private func serve() async throws -> (Installation, Program, Int) {
        let clinic = try await Installation.withDatabase()
        let daemon = try await clinic.serve(["--metrics", "127.0.0.1:0", "--drain-time", "2"])
        let line = try await daemon.line(with: "metrics on 127.0.0.1:")
        return (clinic, daemon, try #require(line.split(separator: ":").last.flatMap { Int($0) }))
    }

    /// Runs the body with a daemon that serves its pages, given their port, and stops the daemon.
    private func serving(_ body: (Installation, Program, Int) async throws -> Void) async throws {
        let (clinic, daemon, port) = try await serve()
        try await body(clinic, daemon, port)
        #expect(try await daemon.stop().status == 0)
    }

    private func metrics(_ port: Int) async throws -> Exposition {
        let answer = try await WebAnswer.get("/metrics", port: port)
        #expect(answer.status == 200)
        return try Exposition(parsing: answer.body)
    }
}
