// Error reports for people and for scripts.

import ArgumentParser
import ClinicMessages
import Foundation
import ProgramInput
import RPC
import RPCMessages
import Testing

@testable import clinic

@Suite struct FailureTests {
    @Test func `every status code maps to its exit status`() {
        let expected: [StatusCode: Int32] = [
            .ok: 0, .cancelled: 1, .unknown: 1, .invalidArgument: 3, .deadlineExceeded: 7, .notFound: 5,
            .alreadyExists: 6, .permissionDenied: 4, .resourceExhausted: 7, .failedPrecondition: 6,
            .aborted: 6,
            .outOfRange: 3, .unimplemented: 1, .internal: 1, .unavailable: 7, .dataLoss: 1,
            .unauthenticated: 4,
        ]
        for code in StatusCode.allCases {
            #expect(ExitStatus(code).rawValue == expected[code])
        }
    }

    @Test func `the report shows the message, the reason and the invalid fields`() {
        let status = Status(
            .invalidArgument, "two fields\n are wrong", reason: "INVALID_FIELD", domain: "clinic.v1"
        ).adding(
            RPCBadRequest(fieldViolations: [
                RPCBadRequest.FieldViolation(field: "email", description: "is no e-mail"),
                RPCBadRequest.FieldViolation(field: "phone", description: "has letters"),
            ]))
        let failure = RemoteFailure(status: status, session: .none)
        #expect(
            failure.report == """
                clinic: two fields\u{FFFD} are wrong [INVALID_FIELD]
                  email: is no e-mail
                  phone: has letters
                """)
        #expect(failure.exitStatus == .invalid)
    }

    @Test func `an invalid field that repeats the message is shown once`() {
        let status = Status(.invalidArgument, "email: is no e-mail", reason: "R", domain: "clinic.v1").adding(
            RPCBadRequest(fieldViolations: [
                RPCBadRequest.FieldViolation(field: "email", description: "is no e-mail")
            ]))
        let failure = RemoteFailure(status: status, session: .none)
        #expect(failure.report == "clinic: email: is no e-mail [R]")
    }

    @Test func `the JSON of a failure has the schema's names`() throws {
        let status = Status(
            .resourceExhausted, "too many failed sign-ins", reason: "LOGIN_THROTTLED", domain: "clinic.v1",
            metadata: [("peer", "unix")]
        ).adding(RPCRetryInfo(retryDelay: ProtobufDuration(seconds: 1, nanos: 500_000_000)))
        let failure = RemoteFailure(status: status, session: .none)
        #expect(failure.report == "clinic: too many failed sign-ins; wait 1.500s [LOGIN_THROTTLED]")
        #expect(
            failure.json.line == """
                {"code":"RESOURCE_EXHAUSTED","domain":"clinic.v1","message":"too many failed sign-ins",\
                "metadata":{"peer":"unix"},"reason":"LOGIN_THROTTLED","retry_delay":"1.500s"}
                """)
    }

    @Test func `a failure without a reason shows its code`() {
        let failure = RemoteFailure(status: Status(.unavailable, "gone"), session: .none)
        #expect(failure.report == "clinic: gone [UNAVAILABLE]")
    }

    @Test(arguments: [
        ["booking", "create", "--doctor", "3"],
        ["booking", "create", "--doctor", "x", "--at", "24/11/2026 10:00:00"],
        ["booking", "create", "--doctor", "3", "--at", "tomorrow"], ["booking", "list", "--status", "gone"],
        ["doctor", "list", "--unknown"], ["nonsense"], ["department", "update", "2"], ["booking", "cancel"],
        ["health", "--address", "http://localhost"], ["health", "--timeout", "0"],
        ["health", "--output", "xml"],
        ["health", "--timeout", "5h"], ["call", "Nothing/At", "-d", "{}"], ["call", "BookingService"],
        ["call", "BookingService/Nothing"],
        ["call", "BookingService/BookAppointment", "-d", "{\"doctor\": 1}"],
        ["call", "BookingService/BookAppointment", "-d", "@/nonexistent"], ["login"],
        ["login", "--email", "a@b", "--password-stdin"], ["login", "--email", "a@b"],
        ["user", "create", "--password", "secret"], ["user", "update"], ["user", "show", "me"],
        ["user", "set-role", "8"], ["user", "set-role", "8", "king"], ["user", "erase"],
        ["user", "erase", "8"],
        ["user", "change-password"], ["user", "change-password", "--password-stdin"],
    ])
    func `wrong usage exits with 2 and sends nothing`(arguments: [String]) async throws {
        let line = try TestCommandLine()
        let outcome = await line.run(arguments)
        #expect(outcome.status == .usage)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("clinic: "))
    }

    @Test(arguments: [
        (["--output", "json", "booking", "pay"], [:]), (["booking", "pay", "--output=jsonl"], [:]),
        (["whoami", "--output", "json"], [:]), (["bookings"], ["CLINIC_OUTPUT": "json"]),
    ])
    func `with JSON output wrong usage and failures without a call are JSON too`(
        arguments: [String], environment: [String: String]
    ) async throws {
        let line = try TestCommandLine()
        let outcome = await line.run(arguments, environment: environment)
        #expect(outcome.output.isEmpty)
        let last = try #require(outcome.errors.split(separator: "\n").last)
        let object = try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: String]
        #expect(object?["reason"] == (arguments.first == "whoami" ? "NOT_SIGNED_IN" : "WRONG_USAGE"))
        #expect(object?["message"]?.isEmpty == false)
        let plain = await line.run(arguments + ["--output", "table"])
        #expect(!plain.errors.contains("{"))
    }

    @Test func `errors speak of the options as they were typed`() async throws {
        let line = try TestCommandLine()
        try await line.serving { methods in
            methods.on(DepartmentServiceMethods.createDepartment) { _ in
                throw Status(
                    .invalidArgument, "operating_start_hour: is not HH:MM", reason: "INVALID_FIELD",
                    domain: "clinic.v1"
                ).adding(
                    RPCBadRequest(fieldViolations: [
                        .init(field: "operating_start_hour", description: "is not HH:MM"),
                        .init(field: "department_name", description: "is required"),
                    ]))
            }
        } during: {
            let outcome = await line.run(
                "department", "create", "--name", "", "--opens", "8", "--closes", "18:00")
            #expect(
                outcome.errors == """
                    clinic: --opens: is not HH:MM [INVALID_FIELD]
                      --name: is required

                    """)
        }
    }

    @Test func `amounts in errors are written as people write them`() {
        let options = OptionNames(currency: "AUD")
        #expect(options.message("only 30350 minor units are left") == "only 303.50 AUD are left")
        #expect(OptionNames().message("only 5 minor units are left") == "only 5 minor units are left")
    }

    @Test func `a misspelt command is suggested`() async throws {
        let line = try TestCommandLine()
        #expect(
            await line.run("booking", "cancle").errors
                == "clinic: unknown command 'clinic booking cancle'; did you mean cancel?\n")
        #expect(Suggestion.nearest(to: "zzz", among: ["cancel", "pay"]) == nil)
        #expect(Suggestion.distance("ca", "abc") == 3)
    }

    @Test(arguments: ["CLINIC_ADDRESS", "CLINIC_OUTPUT", "CLINIC_TIMEOUT"])
    func `an invalid variable is wrong usage and is named`(variable: String) async throws {
        let outcome = try await TestCommandLine().run("health", environment: [variable: "nonsense"])
        #expect(outcome.status == .usage)
        #expect(outcome.errors.contains(variable))
    }

    @Test func `every command has help with an example`() async throws {
        let line = try TestCommandLine()
        for path in Self.leaves(ClinicCommand.self, []) {
            let outcome = await line.run(path + ["--help"])
            #expect(outcome.status == .success)
            #expect(outcome.errors.isEmpty)
            #expect(outcome.output.contains("Example:\n  clinic \(path.joined(separator: " "))"))
        }
        let version = await line.run("--version")
        #expect(version.status == .success && version.output.hasPrefix("clinic "))
    }

    private static func leaves(_ command: any ParsableCommand.Type, _ path: [String]) -> [[String]] {
        let parts = command.configuration.subcommands
        if parts.isEmpty { return [path] }
        return parts.flatMap { leaves($0, path + [$0.configuration.commandName ?? ""]) }
    }
}
