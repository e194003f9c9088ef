// Bytes that are not UTF-8, at every border of the three programs. As U+FFFD two different passwords would be one.

import Foundation
import Testing

private struct NotText: Sendable, CustomTestStringConvertible {
    let name: String
    /// A script for the shell, in which `$0` is the folder of the programs.
    let script: String
    let complaint: String

    init(_ name: String, _ script: String, _ complaint: String) {
        self.name = name
        self.script = script
        self.complaint = complaint
    }

    var testDescription: String { name }
}

private let notText = [
    NotText(
        "an argument of clinic", #""$0/clinic" login --email "$(printf 'p\374')""#,
        "clinic: argument 3 is not UTF-8 text\n"),
    NotText(
        "a variable of clinic", #"CLINIC_ADDRESS="$(printf 'unix:p\374')" "$0/clinic" health"#,
        "clinic: the variable CLINIC_ADDRESS is not UTF-8 text\n"),
    NotText(
        "a password for clinic",
        #"printf 'p\374ssword\n' | "$0/clinic" --address unix:/nonexistent login --email a@example.org --password-stdin"#,
        "clinic: the line on standard input is not UTF-8 text\n"),
    NotText(
        "a request for clinic",
        #"printf '{"a":"\374"}' | "$0/clinic" --address unix:/nonexistent call DoctorService/GetDoctor --data -"#,
        "clinic: standard input is not UTF-8 text\n"),
    NotText(
        "an argument of clinicd", #""$0/clinicd" serve --data-dir "$(printf '/nonexistent/p\374')""#,
        "clinicd: argument 3 is not UTF-8 text\n"),
    NotText(
        "a variable of clinicd", #"CLINIC_DATA_DIR="$(printf '/nonexistent/p\374')" "$0/clinicd" serve"#,
        "clinicd: the variable CLINIC_DATA_DIR is not UTF-8 text\n"),
    NotText(
        "an administrator's password",
        #"printf 'p\374ssword\n' | "$0/clinicd" create-admin --email a@example.org --data-dir /nonexistent/d"#,
        "clinicd: the line on standard input is not UTF-8 text\n"),
    NotText(
        "an argument of clinic-load", #""$0/clinic-load" run --email "$(printf 'p\374')""#,
        "clinic-load: argument 3 is not UTF-8 text\n"),
    NotText(
        "a variable of clinic-load",
        #"CLINIC_PASSWORD="$(printf 'p\374')" "$0/clinic-load" run --call Health/Check"#,
        "clinic-load: the variable CLINIC_PASSWORD is not UTF-8 text\n"),
]

@Suite(.seated)
struct ProgramInputTests {
    @Test(arguments: notText)
    fileprivate func `what is not UTF-8 is refused in words and nothing is done`(_ input: NotText)
        async throws
    {
        let program = try Program(
            commandLine: ["/bin/sh", "-c", input.script, Program.directory],
            environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "SWIFT_BACKTRACE": "enable=no"])
        let ending = try await program.end()
        #expect(ending.errors == input.complaint)
        #expect(ending.output.isEmpty && ending.status != 0)
    }

    @Test func `a variable that no program reads may hold any bytes`() async throws {
        let program = try Program(
            commandLine: [
                "/bin/sh", "-c", #"LESS="$(printf 'p\374')" "$0/clinic" --version"#, Program.directory,
            ], environment: ["PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no"])
        #expect(try await program.end().status == 0)
    }
}
