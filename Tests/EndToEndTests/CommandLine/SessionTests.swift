// Tokens, and how passwords are read.

import Foundation
import Subprocess
import Testing

extension CommandLineTests {
    @Suite struct Sessions {
        @Test func `the session file is readable by its owner only`() async throws {
            let patient = try await CommandLineClinic.shared.patient()
            let attributes = try FileManager.default.attributesOfItem(atPath: patient.sessionFile)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            let who = try await patient.clinic("whoami")
            #expect(who.status == 0)
            #expect(who.output.hasPrefix("E-mail           \(patient.email)\nRole             Patient\n"))
            let out = try await patient.clinic("logout")
            #expect(out.errors == "signed out\n")
            #expect(!FileManager.default.fileExists(atPath: patient.sessionFile))
            #expect(try await patient.clinic("whoami").status == 4)
        }

        @Test func `the token is sent with every call except login and sign-up`() async throws {
            let server = try CommandLineClinic.shared
            let patient = try await server.patient()
            let session = try String(contentsOfFile: patient.sessionFile, encoding: .utf8)
            let token = try #require(try jsonObject(session)["token"] as? String)
            try session.replacing(token, with: token + "x")
                .write(toFile: patient.sessionFile, atomically: true, encoding: .utf8)
            // The server rejects an invalid token in every call, so this public call sent it.
            let list = try await patient.clinic("department", "list")
            #expect(list.status == 4)
            #expect(list.errors.contains("run `clinic login`"))
            // These calls do not send it.
            let password = Person.password + "\n"
            let another = try await patient.clinic(
                "user", "create", "--first-name", "A", "--last-name", "B", "--email", "b" + patient.email,
                "--password-stdin", input: password)
            #expect(another.status == 0)
            let login = try await patient.clinic(
                "login", "--email", patient.email, "--password-stdin", input: password)
            #expect(login.status == 0)
            #expect(!login.output.contains(token.prefix(20)))
            #expect(try await patient.clinic("department", "list").status == 0)
        }

        @Test func `the token is not sent to another address`() async throws {
            let server = try CommandLineClinic.shared
            let patient = try await server.patient()
            // The same server under another address.
            let other = "unix:\(server.directory)/./clinic.sock"
            let outcome = try await patient.clinic("--address", other, "booking", "mine")
            #expect(outcome.status == 4)
            #expect(outcome.errors.contains("you are signed in at \(server.address), not here"))
        }

        @Test func `a password is the first line of standard input only`() async throws {
            let patient = try await CommandLineClinic.shared.signedUpPatient()
            let login = ["login", "--email", patient.email, "--password-stdin"]
            for input in ["\(Person.password)\nmore\n", "\(Person.password)\r\n", Person.password] {
                #expect(try await patient.clinic(login, input: input).status == 0)
            }
            let nothing = try await patient.clinic(login)
            #expect(nothing.status == 2)
            let withoutTerminal = try await patient.clinic("login", "--email", patient.email)
            #expect(withoutTerminal.status == 2)
            #expect(withoutTerminal.errors.contains("use --password-stdin"))
        }
    }

    @Suite struct Terminals {
        @Test func `a typed password is not shown, an e-mail is`() async throws {
            let patient = try await CommandLineClinic.shared.signedUpPatient()
            let (screen, status) = try await type(
                "clinic login; echo ended with $?; stty -a", as: patient,
                answers: [("E-mail: ", patient.email), ("Password: ", Person.password)])
            #expect(status == 0)
            #expect(screen.contains("E-mail: \(patient.email)"))
            #expect(screen.contains("Role             Patient"))
            #expect(!screen.contains(Person.password))
            #expect(screen.contains("ended with 0"))
            // The terminal's echo is on again.
            #expect(screen.contains(" echo "))
            #expect(!screen.contains("-echo "))
        }

        @Test func `a new password is asked for twice`() async throws {
            let person = try CommandLineClinic.shared.anonymousUser()
            let command = "clinic user create --first-name A --last-name B --email \(person.email)"
            let (rejected, status) = try await type(
                command, as: person,
                answers: [("Password: ", Person.password), ("Repeat the password: ", "something else")])
            #expect(status == 2)
            #expect(rejected.contains("the two passwords differ; nothing was done"))
            let (made, success) = try await type(
                command, as: person,
                answers: [("Password: ", Person.password), ("Repeat the password: ", Person.password)])
            #expect(success == 0)
            #expect(made.contains("Role    Patient"))
            #expect(!made.contains(Person.password))
        }

        @Test func `an interrupted prompt restores the terminal`() async throws {
            let person = try CommandLineClinic.shared.anonymousUser()
            let (screen, _) = try await type(
                "trap : INT; clinic login --email \(person.email); echo ended with $?; stty -a", as: person,
                answers: [("Password: ", "\u{3}")])
            #expect(screen.contains("ended with 130"))
            #expect(screen.contains(" echo "))
        }

        /// Runs a shell command on a terminal and types each answer after its prompt. Returns the screen's contents
        /// and the exit code.
        private func type(
            _ line: String, as person: Person, answers: [(question: String, answer: String)]
        ) async throws -> (screen: String, status: Int32) {
            let result = try await Subprocess.run(
                .name("script"),
                arguments: ["--quiet", "--return", "--flush", "--command", line, "/dev/null"],
                environment: environment(of: person),
                input: .inputWriter, output: .sequence, error: .discarded
            ) { execution in
                var screen = ""
                var waiting = answers[...]
                for try await buffer in execution.standardOutput {
                    screen += buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                    if let next = waiting.first, screen.hasSuffix(next.question) {
                        waiting.removeFirst()
                        _ = try await execution.standardInputWriter.write(next.answer + "\n")
                    }
                }
                try await execution.standardInputWriter.finish()
                return screen
            }
            let status: Int32 =
                switch result.terminationStatus {
                case .exited(let code): code
                case .signaled(let signal): 128 + signal
                }
            return (result.closureResult, status)
        }

        private func environment(of person: Person) -> Environment {
            var variables: [Environment.Key: String] = ["SHELL": "/bin/bash"]
            for (name, value) in person.shellEnvironment {
                variables[Environment.Key(stringLiteral: name)] = value
            }
            return .custom(variables)
        }
    }
}
