// The load harness as a user runs it, against the daemon.

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
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        let report = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
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

        try await daemon.stop()
        let alone = try await run(load, at: address)
        #expect(alone.status == 1 && alone.output.isEmpty, "\(alone)")
        #expect(alone.errorLines.count == 1 && alone.errors.contains("clinicd serve"))
    }

    @Test(
        arguments: [
            (["--call", "Health/Chekc"], "has no such method"),
            (["--call", "Health/Watch"], "is a stream"),
            (["--call", "Health/Check", "-d", "{\"nothing\": 1}"], "the request is not"),
            (["--call", "Health/Check", "--rate", "1/s", "--concurrency", "3"], "choose one of"),
            (["--call", "Health/Check", "--rate", "fast"], "--rate"),
            (["--call", "Health/Check", "--stages", "1/s"], "is no stage"),
            (["--call", "Health/Check", "--find-max"], "--slo"),
            (["--call", "Health/Check", "--assert", "p99<50"], "p99<50"),
            (["--call", "Health/Check", "--concurrency", "9999"], "--connections"),
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
