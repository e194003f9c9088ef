// The daemon's log as a program reads it: whole JSON lines, one for each call for those who want them, few for what is
// refused, and one number for a failure that caller and log have in common.

import ClinicClient
import ClinicMessages
import Foundation
import PostgreSQL
import RPC
import RPCMessages
import TestCluster
import Testing

@Suite(.seated)
struct LogTests {
    @Test func `every line is an object with time, level, logger and message`() async throws {
        let (clinic, daemon) = try await serve(["--log-format", "json", "--log-level", "trace"])
        _ = try await clinic.signUp("ann@example.org")
        _ = try await status { _ = try await clinic.logIn("ann@example.org", password: "wrong") }
        let lines = try await lines(of: daemon)
        #expect(lines.count > 3)
        for line in lines {
            #expect(try #require(line["time"]).wholeMatch(of: Self.time) != nil, "\(line)")
            #expect(["trace", "debug", "info", "notice", "warning", "error"].contains(line["level"]))
            #expect(line["logger"] == "clinicd")
            #expect(line["message"]?.isEmpty == false)
        }
    }

    @Test func `at debug each call has a line with its method, code and duration`() async throws {
        let (clinic, daemon) = try await serve(["--log-format", "json", "--log-level", "debug"])
        let client = clinic.client()
        for _ in 0..<3 { _ = try await client.call(HealthMethods.check, HealthCheckRequest()) }
        _ = try await clinic.signUp("ann@example.org")
        let calls = try await lines(of: daemon).filter { $0["message"] == "call" }
        #expect(
            calls.map { $0["method"] } == Array(repeating: "grpc.health.v1.Health/Check", count: 3)
                + ["clinic.v1.UserService/CreateUser"])
        for call in calls {
            #expect(
                Set(call.keys) == [
                    "time", "level", "logger", "message", "method", "code", "duration_us", "peer",
                    "request_id",
                ])
            #expect(call["code"] == "OK" && call["peer"] == "unix")
            let duration = try #require(call["duration_us"].flatMap { Int($0) })
            #expect((0..<60_000_000).contains(duration))
        }
        #expect(Set(calls.compactMap { $0["request_id"] }).count == 4)
    }

    @Test func `refusals have few lines however many there are`() async throws {
        let (clinic, daemon) = try await serve(["--log-format", "json"])
        let client = clinic.client()
        for _ in 0..<50 {
            _ = try await status {
                _ = try await client.call(BookingServiceMethods.listMyBookings, ListMyBookingsRequest())
            }
        }
        let lines = try await lines(of: daemon).filter { $0["message"] == "a call was refused" }
        #expect((1...15).contains(lines.count))
        #expect(lines[0]["reason"] == "NOT_SIGNED_IN")
        #expect(lines[0]["code"] == "UNAUTHENTICATED")
        #expect(lines[0]["method"] == "clinic.v1.BookingService/ListMyBookings")
    }

    @Test func `an internal failure has one number for its caller and the log`() async throws {
        let (clinic, daemon) = try await serve(["--log-format", "json", "--log-level", "debug"])
        try await AdminConnection.withConnection(url: try #require(clinic.database)) { connection in
            try connection.execute(
                """
                do $$ begin
                    execute (
                        select format('alter view %s rename to gone', oid::regclass) from pg_class
                        where relname = 'doctor_view');
                end $$
                """)
        }
        let failure = try #require(
            try await status {
                _ = try await clinic.client().call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
            })
        #expect(failure.code == .internal)
        let number = try #require(
            failure.errorInfo?.metadata.first { $0.key == "request_id" }?.value)
        #expect(failure.message.contains(number))
        let lines = try await lines(of: daemon).filter { $0["request_id"] == number }
        #expect(lines.map { $0["message"] }.contains("a call failed unexpectedly"))
        #expect(lines.first { $0["message"] == "call" }?["code"] == "INTERNAL")
        #expect(lines.first { $0["level"] == "error" }?["method"] == "clinic.v1.DoctorService/ListDoctors")
    }

    @Test func `for people a line is time, level, program and message`() async throws {
        let (clinic, daemon) = try await serve(["--log-level", "debug"])
        _ = try await clinic.client().call(HealthMethods.check, HealthCheckRequest())
        let errors = try await daemon.stop().errorLines
        let line = try #require(errors.first { $0.contains(" clinicd: call ") })
        let pattern =
            /\S+Z debug clinicd: call code=OK duration_us=\d+ method=grpc.health.v1.Health\/Check peer=unix request_id=\S+/
        #expect(line.wholeMatch(of: pattern) != nil, "\(line)")
        for line in errors { #expect(line.prefix(27).wholeMatch(of: Self.time) != nil, "\(line)") }
    }

    @Test func `the end is a line of the log, and with JSON every line of both outputs is JSON`() async throws
    {
        let (clinic, daemon) = try await serve(["--log-format", "json"])
        let ending = try await daemon.stop()
        #expect(ending.status == 0)
        let log = try (ending.output.split(separator: "\n").map(String.init) + ending.errorLines).map {
            line in
            try #require(
                JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String], "\(line)")
        }
        #expect(log.contains { $0["message"] == "listening on \(clinic.socket)" })
        #expect(log.last?["message"] == "ended")
        // A start that fails says so in the same form.
        for options in [["--listen", "nonsense"], ["--time-zone", "Nowhere/City"]] {
            let failed = try await Program.run(
                "clinicd", ["serve"] + clinic.place + options + ["--log-format", "json"])
            #expect(failed.status != 0)
            let line = try #require(failed.errorLines.last)
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
            #expect(object?["level"] == "critical" && object?["logger"] == "clinicd", "\(line)")
        }
    }

    // MARK: -

    private static var time: Regex<Substring> {
        /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/
    }

    private func serve(_ options: [String]) async throws -> (Installation, Program) {
        let clinic = try await Installation.withDatabase()
        return (clinic, try await clinic.serve(options))
    }

    /// The log of a daemon that has ended, a line at a time.
    private func lines(of daemon: Program) async throws -> [[String: String]] {
        let ending = try await daemon.stop()
        #expect(ending.status == 0)
        return try ending.errorLines.map { line in
            try #require(
                JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String], "\(line)")
        }
    }
}
