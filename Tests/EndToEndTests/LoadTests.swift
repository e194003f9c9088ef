// The load harness as a user runs it, against the daemon.

import ClinicMessages
import Foundation
import TestCluster
import Testing

@Suite(.seated)
struct LoadTests {
    private func run(_ arguments: [String], at address: String? = nil) async throws -> Program.Ending {
        let home = try Installation.empty().directory
        var environment = ["HOME": home]
        environment["CLINIC_ADDRESS"] = address
        return try await Program.run("clinic-load", arguments, environment: environment)
    }

    @Test func `a load is put on the daemon, reported and judged`() async throws {
        let clinic = try await Installation.withDatabase()
        let daemon = try await clinic.serve()
        let address = "\(clinic.socket)"
        let file = clinic.directory + "/report.json"
        let load = [
            "run", "--call", "grpc.health.v1.Health/Check", "--rate", "200/s", "--duration", "500ms",
            "--warm-up",
            "0s",
        ]
        let good = try await run(
            load + ["--assert", "errors<1%", "--assert", "p99<60s", "--json", file], at: address)
        #expect(good.status == 0, "\(good)")
        #expect(good.output.contains("Health/Check") && good.output.contains("P99.9"))
        let report = try report(in: file)
        let step = try #require((report["steps"] as? [[String: Any]])?.first)
        #expect(step["sent"] as? Int == 100)

        let bad = try await run(load + ["--assert", "p99<1us"], at: address)
        #expect(bad.status == 3, "\(bad)")
        #expect(bad.errorLines.last?.contains("does not hold: p99<1us") == true)

        let refused = try await run(
            ["--call", "BookingService/ListMyBookings", "--requests", "10", "--warm-up", "0s"], at: address)
        #expect(refused.status == 1, "\(refused)")
        #expect(refused.errorLines.last?.contains("UNAUTHENTICATED") == true)

        let search = try await run(
            [
                "--call", "Health/Check", "--find-max", "--slo", "p50<1us", "--rate", "4/s", "--duration",
                "250ms",
                "--warm-up", "0s",
            ], at: address)
        #expect(search.status == 3, "\(search)")
        #expect(search.output.contains("There was no rate at which --slo held"), "\(search)")
        #expect(search.outputLines.contains { $0.contains("/s  ") && $0.hasSuffix("fails") }, "\(search)")

        try await daemon.stop()
        let alone = try await run(load, at: address)
        #expect(alone.status == 1 && alone.output.isEmpty, "\(alone)")
        #expect(alone.errorLines.count == 1 && alone.errors.contains("clinicd serve"))
    }

    @Test func `scenarios leave sound data and a whole report`() async throws {
        let clinic = try await Installation.withDatabase()
        let email = "admin@example.org"
        #expect(try await clinic.createAdministrator(email).status == 0)
        let daemon = try await clinic.serve(["--metrics", "127.0.0.1:0"])
        let line = try await daemon.line(with: "metrics on 127.0.0.1:")
        let port = try #require(line.split(separator: ":").last)
        let password = clinic.directory + "/password"
        try Data((Installation.password + "\n").utf8).write(to: URL(fileURLWithPath: password))
        let file = clinic.directory + "/report.json"
        let common = [
            "run", "--email", email, "--password-file", password, "--doctors", "4", "--patients", "6",
            "--sessions", "2", "--warm-up", "0s", "--json", file,
        ]

        let day = try await run(
            common + [
                "--scenario", "day", "--rate", "200/s", "--duration", "2s", "--metrics",
                "http://127.0.0.1:\(port)", "--assert", "errors<1%", "--watchers", "2",
            ], at: "\(clinic.socket)")
        #expect(day.status == 0, "\(day)")
        var report = try report(in: file)
        var step = try #require((report["steps"] as? [[String: Any]])?.first)
        #expect(step["sent"] as? Int == 400 && step["scheduled"] as? Int == 400)
        #expect((step["operations"] as? [Any])?.count == 12)
        #expect((report["timeline"] as? [Any])?.count ?? 0 >= 2)
        #expect(((report["server"] as? [String: Any])?["receivedBytes"] as? Int ?? 0) > 400 * 50)
        #expect(report["generator"] is [String: Any] && report["run"] is [String: Any])
        try expectSoundData(report)

        let watchers = try #require(report["watchers"] as? [String: Any])
        #expect(watchers["events"] as? Int ?? 0 > 50, "\(watchers)")
        #expect(day.output.contains("every watcher saw every acknowledged change exactly once"), "\(day)")

        let holds = try await run(
            common + [
                "--mix", "hold=2,confirm=2,cancel=1", "--concurrency", "8", "--requests", "300", "--threads",
                "2",
                "--duration", "60s", "--watchers", "1", "--assert", "errors<0.1%",
            ], at: "\(clinic.socket)")
        #expect(holds.status == 0 && holds.output.contains("BookingService/ConfirmHold"), "\(holds)")
        report = try self.report(in: file)
        try expectSoundData(report)

        let race = try await run(
            common + ["--scenario", "race", "--concurrency", "16", "--requests", "400", "--duration", "60s"],
            at: "\(clinic.socket)")
        #expect(race.status == 0, "\(race)")
        try await daemon.stop()
        report = try self.report(in: file)
        step = try #require((report["steps"] as? [[String: Any]])?.first)
        let statuses = try #require((step["total"] as? [String: Any])?["statuses"] as? [[String: Any]])
        #expect(Set(statuses.compactMap { $0["status"] as? String }) == ["OK", "ALREADY_EXISTS"], "\(race)")
        try expectSoundData(report)
    }

    private func report(in file: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// The comparison with what was acknowledged and the server's own look took place and found nothing.
    private func expectSoundData(_ report: [String: Any]) throws {
        let checks = try #require(report["checks"] as? [[String: Any]])
        let names = checks.compactMap { $0["name"] as? String }
        #expect(names.contains("every acknowledged booking exists") && names.count > 5, "\(names)")
        #expect(checks.allSatisfy { $0["passed"] as? Bool == true }, "\(checks)")
    }

    @Test func `calls carry the token of a file, beside callers that never read`() async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving(["--metrics", "127.0.0.1:0"]) { daemon in
            let line = try await daemon.line(with: "metrics on 127.0.0.1:")
            let port = try #require(line.split(separator: ":").last.flatMap { Int($0) })
            _ = try await clinic.signUp("ann@example.org")
            let file = clinic.directory + "/token"
            let token = try await clinic.logIn("ann@example.org").token
            try Data((token + "\n").utf8).write(to: URL(fileURLWithPath: file))
            let load = ["--call", "BookingService/ListMyBookings", "--token-file", file, "--warm-up", "0s"]

            let healthy = try await run(
                load + [
                    "--slow-readers", "4", "--rate", "100/s", "--duration", "1s", "--assert", "errors<0.1%",
                ], at: "\(clinic.socket)")
            #expect(healthy.status == 0, "\(healthy)")
            let page = try await WebAnswer.get("/metrics", port: port)
            let metrics = try Exposition(parsing: page.body)
            func calls(_ method: String) -> Double {
                metrics.value(
                    "clinic_calls_total",
                    [
                        "service": "clinic.v1.BookingService", "method": method, "protocol": "ttrpc",
                        "code": "OK",
                    ])
            }
            #expect(calls("ListMyBookings") == 100)
            // What the slow ones asked for, on their own connections.
            #expect(calls("ListBookings") > 0)

            let missing = try await run(
                ["--call", "Health/Check", "--token-file", file + "-not-there"], at: "\(clinic.socket)")
            #expect(missing.status == 2 && missing.errors.contains("there is no token"), "\(missing)")
        }
    }

    @Test func `who is no administrator is told before anything is made`() async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving { _ in
            _ = try await clinic.signUp("ann@example.org")
            let password = clinic.directory + "/password"
            try Data((Installation.password + "\n").utf8).write(to: URL(fileURLWithPath: password))
            let refused = try await run(
                ["--scenario", "day", "--email", "ann@example.org", "--password-file", password],
                at: "\(clinic.socket)")
            #expect(refused.status == 1 && refused.errorLines.count == 1, "\(refused)")
            #expect(refused.errors.contains("ann@example.org is not an administrator"), "\(refused)")

            let session = clinic.directory + "/session.json"
            try Data(#"{"token": "t", "expire_time": "2020-01-01T00:00:00Z"}"#.utf8)
                .write(to: URL(fileURLWithPath: session))
            let late = try await run(
                ["--scenario", "day", "--session-file", session], at: "\(clinic.socket)")
            #expect(late.status == 1 && late.errors.contains("before the run ends; use --email"), "\(late)")
        }
    }

    @Test(
        arguments: [
            (["--call", "Health/Chekc"], "has no such method"),
            (["--call", "Health/Watch"], "a method with one response"),
            (["--call", "Health/Check", "-d", "{\"nothing\": 1}"], "the request is not"),
            (["--call", "Health/Check", "--rate", "1/s", "--concurrency", "3"], "choose one of"),
            (["--call", "Health/Check", "--rate", "fast"], "--rate"),
            (["--call", "Health/Check", "--stages", "1/s"], "is not a stage"),
            (["--call", "Health/Check", "--find-max"], "--slo"),
            (["--call", "Health/Check", "--assert", "p99<50"], "p99<50"),
            (["--call", "Health/Check", "--concurrency", "9999"], "--connections"),
            (["--call", "Health/Check", "--watchers", "2"], "--watchers"),
            ([], "--scenario"),
        ] as [([String], String)])
    func `a mistake in the arguments says what is wrong`(_ arguments: [String], _ words: String) async throws
    {
        let ending = try await run(arguments, at: "tcp:127.0.0.1:1")
        #expect(ending.status == 2 && ending.output.isEmpty, "\(ending)")
        #expect(ending.errors.contains(words), "\(ending.errors)")
    }

    @Test(arguments: [["--help"], ["run", "--help"]])
    func `help has an example`(_ arguments: [String]) async throws {
        let ending = try await run(arguments)
        #expect(ending.status == 0 && ending.errors.isEmpty)
        #expect(ending.output.contains("clinic-load run --call Health/Check --rate"))
    }
}
