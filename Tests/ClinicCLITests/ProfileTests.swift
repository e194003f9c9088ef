// Which of option, environment, profile and default gives a setting.

import ClinicMessages
import Foundation
import Testing

@testable import clinic

@Suite struct ProfileTests {
    private let line: TestCommandLine
    private var path: String { line.directory + "/config.json" }

    init() throws {
        line = try TestCommandLine()
        let file =
            #"{"default": "ward", "profiles": {"ward": {"address": "tcp:ward:1", "timeout": "7"}, "desk": {"output": "json"}}}"#
        try Data(file.utf8).write(to: URL(filePath: path))
    }

    /// The lines of `clinic config`, by setting.
    private func settings(
        _ arguments: [String] = [], _ environment: [String: String] = [:]
    ) async -> [String: [String]] {
        let none = ["CLINIC_ADDRESS": "", "CLINIC_TIMEOUT": "", "CLINIC_CONFIG_FILE": path]
        let outcome = await line.run(
            ["config", "--output", "csv"] + arguments, environment: none.merging(environment) { $1 })
        #expect(outcome.status == .success, "\(outcome.errors)")
        return outcome.output.split(separator: "\n").reduce(into: [:]) { settings, line in
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            settings[fields[0]] = Array(fields.dropFirst())
        }
    }

    @Test func `an option wins over the environment, that over the profile, and that over the default`() async
    {
        let both = await settings(["--address", "tcp:option:3"], ["CLINIC_ADDRESS": "tcp:variable:2"])
        #expect(both["address"] == ["tcp:option:3", "--address"])
        let variable = await settings([], ["CLINIC_ADDRESS": "tcp:variable:2"])
        #expect(variable["address"] == ["tcp:variable:2", "CLINIC_ADDRESS"])
        let profile = await settings()
        #expect(profile["address"] == ["tcp:ward:1", "profile ward"])
        #expect(profile["timeout"] == ["7s", "profile ward"])
        #expect(profile["profile"] == ["ward", path])
        let desk = await settings(["--profile", "desk"], ["CLINIC_PROFILE": "ward"])
        #expect(desk["profile"] == ["desk", "--profile"])
        #expect(desk["timeout"] == ["10s", "default"])
        #expect(desk["output"] == ["csv", "--output"])
        #expect(await settings([], ["CLINIC_PROFILE": "desk"])["profile"] == ["desk", "CLINIC_PROFILE"])
    }

    @Test(
        arguments: [
            (["--profile", "wrad"], nil, "there is no profile wrad in"), ([], "{", "is not a configuration"),
            (
                [], #"{"default": "a", "profiles": {"a": {"adress": "x"}}}"#,
                "unknown setting adress; did you mean address?"
            ),
            (
                [], #"{"default": "a", "profiles": {"a": {"address": "x"}}}"#,
                "address of the profile a=x is not allowed"
            ),
        ] as [([String], String?, String)])
    func `a wrong profile is wrong usage`(arguments: [String], file: String?, words: String) async throws {
        if let file { try Data(file.utf8).write(to: URL(filePath: path)) }
        let outcome = await line.run(
            ["doctor", "list"] + arguments, environment: ["CLINIC_CONFIG_FILE": path, "CLINIC_ADDRESS": ""])
        #expect(outcome.status == .usage)
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
    }

    @Test func `each profile has a session of its own`() async {
        let ward = await settings(["--profile", "ward"])["session file"]?.first
        let desk = await settings([], ["CLINIC_PROFILE": "desk"])["session file"]?.first
        #expect(ward != nil && ward != desk)
        #expect(ward?.hasSuffix("/clinic/session-ward.json") == true)
    }

    @Test func `the bookings of a day are those that start on it in the clinic`() async throws {
        // Today is Tuesday 2026-12-01 in Sydney.
        let today = try request(TodayBookings.self, "booking", "today", "--doctor", "3")
        #expect(today.doctorID == 3)
        #expect(today.startFrom?.rfc3339 == "2026-11-30T13:00:00Z")
        #expect(today.startBefore?.rfc3339 == "2026-12-01T13:00:00Z")
        let wednesday = try request(TodayBookings.self, "booking", "today", "--day", "wed")
        #expect(wednesday.startFrom == today.startBefore)
        // The clock is set back in the night: the day has 25 hours.
        let long = try request(TodayBookings.self, "booking", "today", "--day", "2027-04-04")
        #expect(
            long.startFrom.flatMap { from in long.startBefore.map { $0.seconds - from.seconds } } == 90_000)
    }

    @Test func `statuses, methods and numbers are completed`() async throws {
        #expect(names(of: BookingStatus.self).contains("no-show"))
        #expect(Schema.methods.map(\.shortPath).contains("BookingService/BookAppointment"))
        let script = await line.run("--generate-completion-script", "bash")
        #expect(script.status == .success)
        for word in ["no-show", "partially-refunded", "BookingService/BookAppointment", "set-status"] {
            #expect(script.output.contains(word), "\(word)")
        }
    }
}
