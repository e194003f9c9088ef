// Session renewal, and the account commands that end sessions.

import ClinicMessages
import Foundation
import RPC
import Synchronization
import Testing

@testable import clinic

@Suite struct AccountTests {
    private let line: TestCommandLine
    private let server = SessionServer()
    /// 2026-11-23T23:00:00Z, when the first token expires; each further token expires 15 minutes later.
    private static let end: Int64 = 1_795_474_800

    init() throws {
        line = try TestCommandLine()
    }

    /// A server that accepts each refresh token once.
    private final class SessionServer: Sendable {
        let number = Mutex<Int64>(0)
        let password = Mutex("correct horse")
        let isDown = Mutex(false)
        /// The refresh tokens that logins showed.
        let shown = Mutex<[String]>([])

        func next(after token: String? = nil) throws -> LoginResponse {
            if isDown.withLock({ $0 }) { throw Status(.resourceExhausted, "busy") }
            return try number.withLock { number in
                guard token == nil || token == "refresh \(number)" else {
                    throw Status(
                        .unauthenticated, "sign in again", reason: "INVALID_TOKEN", domain: "clinic.v1")
                }
                number += 1
                return LoginResponse(
                    email: "ada@example.com", token: "token \(number)", role: .patient,
                    refreshToken: "refresh \(number)",
                    expireTime: ProtobufTimestamp(seconds: end + (number - 1) * 900))
            }
        }
    }

    private func serving(_ body: () async throws -> Void) async throws {
        let server = server
        try await line.serving { methods in
            methods.on(UserServiceMethods.login) { request in
                server.shown.withLock { $0.append(request.refreshToken) }
                guard request.password == server.password.withLock({ $0 }) else {
                    throw Status(
                        .unauthenticated, "wrong", reason: "WRONG_CREDENTIALS", domain: "clinic.v1")
                }
                return try server.next()
            }
            methods.on(UserServiceMethods.refreshToken) { request in
                let login = try server.next(after: request.refreshToken)
                return RefreshTokenResponse(
                    email: login.email, token: login.token, role: login.role,
                    refreshToken: login.refreshToken, expireTime: login.expireTime)
            }
            methods.on(UserServiceMethods.changePassword) { request in
                server.password.withLock { $0 = request.newPassword }
                return ChangePasswordResponse()
            }
            methods.on(UserServiceMethods.revokeTokens) { _ in RevokeTokensResponse() }
            methods.on(UserServiceMethods.eraseUser) { request in
                EraseUserResponse(cancelledBookings: request.validateOnly ? 1 : 2)
            }
            methods.on(DoctorServiceMethods.listDoctors) { _ in ListDoctorsResponse() }
            methods.on(UserServiceMethods.getUser) { _ in User(id: 8) }
            methods.on(UserServiceMethods.exportUserData) { _ in
                let event = UserEvent(
                    method: "clinic.v1.BookingService/BookAppointment", byUser: true, entity: "booking",
                    entityID: 3, changeJson: "{}")
                return [
                    ExportUserDataResponse(
                        user: User(id: 8, firstName: "Ada", role: .patient),
                        sessions: [UserSession(createTime: ProtobufTimestamp(seconds: Self.end))]),
                    ExportUserDataResponse(bookings: [Booking(id: 3, status: .booked)]),
                    ExportUserDataResponse(events: [event]),
                ]
            }
        } during: {
            let outcome = await line.run(
                ["login", "--email", "ada@example.com", "--password-stdin"], typing: ["correct horse"])
            #expect(outcome.status == .success)
            #expect(!outcome.output.contains("refresh 1") && !outcome.errors.contains("refresh 1"))
            try await body()
        }
    }

    private var sentCalls: [String] {
        line.arrivals.map { ([$0.method] + $0.metadata["authorization"]).joined(separator: " ") }
    }

    @Test func `an expired token is renewed by the next command and stored`() async throws {
        try await serving {
            #expect(await line.run("doctor", "list", now: Self.end - 1).status == .success)
            for now in [Self.end, Self.end + 899, Self.end + 900] {
                #expect(await line.run("doctor", "list", now: now).status == .success)
            }
            #expect(
                sentCalls == [
                    "Login", "ListDoctors Bearer token 1", "RefreshToken", "ListDoctors Bearer token 2",
                    "ListDoctors Bearer token 2", "RefreshToken", "ListDoctors Bearer token 3",
                ])
            var status = stat()
            #expect(stat(line.sessionPath, &status) == 0 && status.st_mode & 0o777 == 0o600)
            let directory = (line.sessionPath as NSString).deletingLastPathComponent
            let files = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(files == ["session.json"])
        }
    }

    @Test func `concurrent commands renew a session once`() async throws {
        try await serving {
            await withTaskGroup(of: ExitStatus.self) { group in
                for _ in 0..<8 {
                    group.addTask { await line.run("doctor", "list", now: Self.end).status }
                }
                for await status in group { #expect(status == .success) }
            }
            #expect(sentCalls.filter { $0 == "RefreshToken" }.count == 1)
            #expect(sentCalls.filter { $0 == "ListDoctors Bearer token 2" }.count == 8)
        }
    }

    @Test func `a session whose renewal is rejected is over and not renewed again`() async throws {
        try await serving {
            server.number.withLock { $0 = 100 }
            for _ in 0..<2 { #expect(await line.run("doctor", "list", now: Self.end).status == .success) }
            #expect(sentCalls == ["Login", "RefreshToken", "ListDoctors", "ListDoctors"])
            #expect(await line.run("whoami", now: Self.end).status == .notAllowed)
        }
    }

    @Test func `an error during renewal is reported and the session is kept`() async throws {
        try await serving {
            server.isDown.withLock { $0 = true }
            let outcome = await line.run("doctor", "list", now: Self.end)
            #expect(outcome.status == .unavailable)
            server.isDown.withLock { $0 = false }
            #expect(await line.run("doctor", "list", now: Self.end).status == .success)
            #expect(sentCalls.last == "ListDoctors Bearer token 2")
        }
    }

    @Test func `login and health checks do not renew the session`() async throws {
        try await serving {
            _ = await line.run(
                ["login", "--email", "ada@example.com", "--password-stdin"], typing: ["correct horse"],
                now: Self.end)
            _ = await line.run("health", now: Self.end + 10_000)
            #expect(sentCalls == ["Login", "Login"])
        }
    }

    @Test func `a login shows the refresh token that is stored for the same person at the same server`()
        async throws
    {
        try await serving {
            for email in ["Ada@Example.com", "grace@example.com"] {
                _ = await line.run(
                    ["login", "--email", email, "--password-stdin"], typing: ["correct horse"],
                    now: Self.end + 1)
            }
            #expect(server.shown.withLock(\.self) == ["", "refresh 1", ""])
        }
    }

    @Test func `changing the password signs in again on this machine`() async throws {
        try await serving {
            let change = ["user", "change-password", "--password-stdin", "--idempotency-key", "k"]
            let outcome = await line.run(
                change, typing: ["correct horse", "battery staple"], now: Self.end - 1)
            #expect(outcome.status == .success)
            #expect(outcome.errors == "password changed; you are signed out everywhere but here\n")
            _ = await line.run("doctor", "list", now: Self.end - 1)
            #expect(
                sentCalls == [
                    "Login", "ChangePassword Bearer token 1", "Login", "ListDoctors Bearer token 2",
                ])
            #expect(line.arrivals.map { $0.metadata["idempotency-key"] } == [[], ["k"], [], []])
            let typed = await line.run(
                ["user", "change-password"], typing: ["battery staple", "new one", "another"],
                isTerminal: true)
            #expect(typed.status == .usage)
            #expect(typed.errors.hasPrefix("Current password: New password: Repeat the password: "))
        }
    }

    @Test func `signing out everywhere removes the stored session, signing out another user does not`()
        async throws
    {
        try await serving {
            let other = await line.run("user", "sign-out", "9", now: Self.end - 1)
            #expect(other.errors == "user 9 signed out everywhere\n")
            #expect(await line.run("whoami", now: Self.end - 1).status == .success)
            #expect(await line.run("user", "sign-out", now: Self.end - 1).errors == "signed out everywhere\n")
            #expect(!FileManager.default.fileExists(atPath: line.sessionPath))
        }
    }

    @Test func `erasing a user asks for the number again`() async throws {
        try await serving {
            let question = """
                This will erase the personal data of user 8, cancel 1 booking.
                It cannot be undone. Repeat the number of the user: 
                """
            let wrong = await line.run(["user", "erase", "8"], typing: ["9"], isTerminal: true)
            #expect(wrong.status == .usage)
            #expect(wrong.errors == question + "clinic: nothing was done\n")
            #expect(sentCalls == ["Login", "RefreshToken", "EraseUser"])
            let right = await line.run(["user", "erase", "8"], typing: ["8"], isTerminal: true)
            #expect(right.errors == question + "user 8 erased; 2 bookings cancelled\n")
            #expect(await line.run("user", "erase", "8", "--yes").status == .success)
        }
    }

    @Test func `an export prints the account and a table for each kind of data`() async throws {
        try await serving {
            let outcome = await line.run("user", "export", now: Self.end - 1)
            #expect(
                outcome.output == """
                    Account

                    User  8
                    Name  Ada
                    Role  Patient

                    Bookings

                    ID  STATUS
                     3  Booked

                    Signed in

                    SINCE
                    2026-11-24 10:00

                    Changes

                    BY          WHAT       METHOD
                    the person  booking 3  BookAppointment

                    """)
            let json = await line.run("user", "export", "--output", "json", now: Self.end - 1).output
            #expect(json.contains("\"entity_id\": \"3\""))
        }
    }
}
