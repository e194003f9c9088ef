// Where the token is stored and to which server it is sent.

import ClinicMessages
import Foundation
import RPC
import Synchronization
import TTRPC
import Testing

@testable import clinic

@Suite struct SessionTests {
    private let line: TestCommandLine
    /// 2026-11-23T23:00:00Z.
    private static let end: Int64 = 1_795_474_800

    init() throws {
        line = try TestCommandLine()
    }

    private let isErased = Flag()

    private func serving(_ body: () async throws -> Void) async throws {
        try await line.serving { methods in
            methods.on(UserServiceMethods.login) { request in
                guard request.password == "correct horse" else {
                    throw Status(
                        .unauthenticated, "e-mail or password is wrong", reason: "WRONG_CREDENTIALS",
                        domain: "clinic.v1")
                }
                return LoginResponse(
                    email: request.email, token: "secret", role: .patient,
                    expireTime: ProtobufTimestamp(seconds: Self.end))
            }
            methods.on(DoctorServiceMethods.listDoctors) { _ in ListDoctorsResponse() }
            let isErased = isErased
            methods.on(UserServiceMethods.getUser) { _ in
                guard !isErased.value.withLock({ $0 }) else {
                    throw Status(
                        .unauthenticated, "sign in again", reason: "INVALID_TOKEN", domain: "clinic.v1")
                }
                return User(id: 2)
            }
            methods.on(BookingServiceMethods.listMyBookings) { _ in
                throw Status(.unauthenticated, "sign in", reason: "NOT_SIGNED_IN", domain: "clinic.v1")
            }
        } during: {
            try await body()
        }
    }

    private func login() async -> Outcome {
        await line.run(
            ["login", "--email", "ada@example.com", "--password-stdin"], typing: ["correct horse"],
            now: Self.end - 900)
    }

    private var tokensSent: [[String]] { line.arrivals.map { $0.metadata["authorization"] } }

    @Test func `the session file is accessible to its owner only, and no temporary file remains`()
        async throws
    {
        try await serving {
            for _ in 1...2 {
                let outcome = await login()
                #expect(outcome.status == .success)
                #expect(!outcome.output.contains("secret") && !outcome.errors.contains("secret"))
            }
            var status = stat()
            #expect(stat(line.sessionPath, &status) == 0 && status.st_mode & 0o777 == 0o600)
            let directory = (line.sessionPath as NSString).deletingLastPathComponent
            #expect(stat(directory, &status) == 0 && status.st_mode & 0o777 == 0o700)
            let files = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(files == ["session.json"])
        }
    }

    @Test func `the token is sent after a login, but not with the next login`() async throws {
        try await serving {
            _ = await login()
            _ = await line.run("doctor", "list", now: Self.end - 1)
            _ = await login()
            #expect(tokensSent == [[], ["Bearer secret"], []])
        }
    }

    @Test func `an expired token is not sent, and public methods still work`() async throws {
        try await serving {
            _ = await login()
            let list = await line.run("doctor", "list", now: Self.end)
            #expect(list.status == .success)
            let mine = await line.run("booking", "mine", now: Self.end)
            #expect(mine.status == .notAllowed)
            #expect(
                mine.errors == """
                    clinic: the session of ada@example.com ended at 2026-11-23 23:00Z; run `clinic login` again \
                    [NOT_SIGNED_IN]

                    """)
            #expect(tokensSent == [[], [], []])
        }
    }

    @Test func `the token is not sent to another address`() async throws {
        try await serving {
            _ = await login()
            // The same socket under another name counts as another address, because the client cannot know that both
            // are one server.
            let other = "unix:\(line.directory)/./clinic.sock"
            let outcome = await line.run("booking", "mine", "--address", other, now: Self.end - 1)
            #expect(outcome.status == .notAllowed)
            #expect(outcome.errors.contains("you are signed in at \(line.address), not here"))
            #expect(tokensSent == [[], []])
        }
    }

    @Test func `a wrong password is reported and the old session is kept`() async throws {
        try await serving {
            _ = await login()
            let outcome = await line.run(
                ["login", "--email", "ada@example.com", "--password-stdin"], typing: ["wrong"])
            #expect(outcome.status == .notAllowed)
            #expect(outcome.errors == "clinic: e-mail or password is wrong [WRONG_CREDENTIALS]\n")
            #expect(await line.run("whoami", now: Self.end - 1).status == .success)
        }
    }

    @Test func `whoami shows the session, and logout removes it`() async throws {
        try await serving {
            _ = await login()
            let me = await line.run("whoami", now: Self.end - 1)
            #expect(
                me.output == """
                    E-mail           ada@example.com
                    Role             Patient
                    Server           \(line.address)
                    Signed in until  2026-11-23 23:00Z

                    """)
            #expect(await line.run("whoami", now: Self.end).status == .notAllowed)
            #expect(await line.run("logout").errors == "signed out\n")
            #expect(await line.run("logout").errors == "you were not signed in\n")
            #expect(await line.run("whoami", now: Self.end - 1).status == .notAllowed)
        }
    }

    @Test func `the session of an erased user is not taken for being signed in`() async throws {
        try await serving {
            _ = await login()
            isErased.value.withLock { $0 = true }
            let me = await line.run("whoami", now: Self.end - 1)
            #expect(me.status == .notAllowed && me.output.isEmpty)
            #expect(me.errors == "clinic: sign in again: run `clinic login` [INVALID_TOKEN]\n")
        }
    }

    @Test func `a damaged session file causes a warning and counts as no session`() async throws {
        try await serving {
            _ = await login()
            try Data("{\"token\": ".utf8).write(to: URL(fileURLWithPath: line.sessionPath))
            let outcome = await line.run("doctor", "list")
            #expect(outcome.status == .success)
            #expect(outcome.errors.contains("the session file \(line.sessionPath) is damaged"))
            #expect(await login().status == .success)
        }
    }

    @Test func `CLINIC_SESSION_FILE sets the path of the session file`() async throws {
        try await serving {
            let path = line.directory + "/mine.json"
            let outcome = await line.run(
                ["login", "--email", "ada@example.com", "--password-stdin"], typing: ["correct horse"],
                environment: ["CLINIC_SESSION_FILE": path])
            #expect(outcome.status == .success)
            #expect(FileManager.default.fileExists(atPath: path))
            #expect(!FileManager.default.fileExists(atPath: line.sessionPath))
        }
    }
}

/// A flag that the handlers of a server share with the test.
private final class Flag: Sendable {
    let value = Mutex(false)
}
