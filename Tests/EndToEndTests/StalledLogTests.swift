// A daemon whose standard error nobody reads: it goes on, and ends when it is told to.

import ClinicClient
import Foundation
import RPC
import RPCMessages
import TTRPC
import Testing

@Suite(.seated)
struct StalledLogTests {
    /// More calls than lines fit into the pipe and the queue.
    private static let count = 12_000

    private func callMany(_ clinic: Installation) async throws -> Int {
        let client = try await Client.connect(to: clinic.socket)
        return try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    var answered = 0
                    for _ in 0..<(Self.count / 50) {
                        let answer = try await client.call(
                            HealthMethods.check, HealthCheckRequest(), timeout: .seconds(120))
                        if answer.status == .serving { answered += 1 }
                    }
                    return answered
                }
            }
            return try await group.reduce(0, +)
        }
    }

    private func dropped(_ port: Int) async throws -> Double {
        try Exposition(parsing: try await WebAnswer.get("/metrics", port: port).body)
            .value("clinic_log_lines_dropped_total")
    }

    @Test func `calls are answered and SIGTERM ends the daemon while nobody reads its log`() async throws {
        let clinic = try await Installation.withDatabase()
        let daemon = try await clinic.serve(["--log-level", "debug", "--metrics", "127.0.0.1:0"])
        let line = try await daemon.line(with: "metrics on 127.0.0.1:")
        let port = try #require(line.split(separator: ":").last.flatMap { Int($0) })
        daemon.stallErrors(true)
        #expect(try await callMany(clinic) == Self.count)
        #expect(try await dropped(port) > 0)
        daemon.signal(SIGTERM)
        // The reader goes on when the process has ended, so that its end is seen.
        try await daemon.processEnd()
        daemon.stallErrors(false)
        #expect(try await daemon.end().status == 0)
    }

    @Test func `each line is there or counted when the reader goes on`() async throws {
        let clinic = try await Installation.withDatabase()
        let daemon = try await clinic.serve(
            ["--log-level", "debug", "--log-format", "json", "--metrics", "127.0.0.1:0"])
        let line = try await daemon.line(with: "metrics on 127.0.0.1:")
        let port = try #require(line.split(separator: ":").last.flatMap { Int($0.prefix(while: \.isNumber)) })
        daemon.stallErrors(true)
        #expect(try await callMany(clinic) == Self.count)
        daemon.stallErrors(false)
        try await daemon.line(with: "log lines were dropped", on: .errors)
        let inAll = try await dropped(port)
        let ending = try await daemon.stop()
        #expect(ending.status == 0)
        let lines = try ending.errorLines.map {
            try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: String], "\($0)")
        }
        let told = lines.filter { $0["message"]?.hasPrefix("log lines were dropped") == true }
            .compactMap { $0["count"].flatMap { Int($0) } }
        let calls = lines.count { $0["message"] == "call" }
        #expect(Double(told.reduce(0, +)) == inAll)
        #expect(calls + told.reduce(0, +) >= Self.count)
        #expect(calls < Self.count)
    }
}
