// Sessions through the socket: renewing, copying, ending everywhere, on this server and on another one.

import Bcrypt
import ClinicMessages
import ClinicService
import ClinicStore
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Synchronization
import TestCluster
import TestWaiting
import Testing

@Suite(.serialized) struct SessionTests {
    private static let shared = Task { try await TestClinic() }

    private func refresh(_ session: Session) async throws -> Session {
        let answer = try await session.anonymous.call(
            UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: session.refreshToken))
        return Session(
            client: session.client, token: answer.token, userID: session.userID,
            refreshToken: answer.refreshToken)
    }

    private func reason(of call: () async throws -> Void) async throws -> String? {
        try await status(of: call)?.errorInfo?.reason
    }

    /// Why a call with the session's access token is refused; nil when it is not.
    private func refusal(of session: Session) async throws -> String? {
        try await reason { try await session.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest()) }
    }

    @Test func `a refresh token is exchanged for a session of the same person`() async throws {
        let clinic = try await Self.shared.value
        let patient = try await clinic.signUp()
        let answer = try await patient.anonymous.call(
            UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: patient.refreshToken))
        #expect(answer.role == .patient && !answer.isAdmin && answer.userID == patient.userID)
        #expect(answer.email.hasPrefix("patient"))
        #expect((answer.expireTime?.seconds ?? 0) - Int64(Date.now.timeIntervalSince1970) > 800)
        #expect(answer.refreshToken != patient.refreshToken)
        var session = try await refresh(
            Session(client: patient.client, token: nil, userID: 0, refreshToken: answer.refreshToken))
        for _ in 0..<3 { session = try await refresh(session) }
        #expect(try await refusal(of: session) == nil)
        // A renewal is no reason to end the access token before it.
        #expect(try await refusal(of: patient) == nil)
    }

    @Test func `a refresh token that comes back after its successor ends its session and no other`()
        async throws
    {
        let clinic = try await Self.shared.value
        let first = try await clinic.signUp()
        let email = try await first.call(UserServiceMethods.getUser, GetUserRequest()).email
        let elsewhere = try await first.signedIn(email: email, userID: first.userID)
        let second = try await refresh(first)
        let third = try await refresh(second)
        #expect(try await refusal(of: third) == nil)
        for _ in 0..<2 { #expect(try await reason { _ = try await refresh(first) } == "INVALID_TOKEN") }
        for session in [first, second, third] {
            #expect(try await refusal(of: session) == "INVALID_TOKEN")
            #expect(try await reason { _ = try await refresh(session) } == "INVALID_TOKEN")
        }
        #expect(try await refusal(of: elsewhere) == nil)
        #expect(try await refusal(of: try await refresh(elsewhere)) == nil)
        let events = """
            select count(*) from clinic.event where entity = 'user' and entity_id = $1 and actor_id is null
            and method = 'clinic.v1.UserService/RefreshToken'
            """
        #expect(try await clinic.count(events, [.int64(first.userID)]) == 1)
        // The next sign-ins do not push out what says that the access tokens are ended.
        for _ in 0..<52 { _ = try await first.signedIn(email: email, userID: first.userID) }
        try await withClinic(databaseURL: clinic.databaseURL) { other in
            let there = third.on(try await other.connect())
            #expect(try await refusal(of: there) == "INVALID_TOKEN")
        }
    }

    @Test func `a refresh token that comes back soon gets the same successor, on another server too`()
        async throws
    {
        try await withTwoServers { clinic, other in
            let first = try await clinic.signUp()
            let second = try await refresh(first)
            let again = try await refresh(first.on(try await other.connect()))
            #expect(again.refreshToken == second.refreshToken)
            #expect(try await refusal(of: again) == nil)
            #expect(try await clinic.count("select count(*) from clinic.refresh_family") == 1)
            try await clinic.age(sessionOf: first, by: 20)
            #expect(try await refresh(first).refreshToken == second.refreshToken)
            try await clinic.age(sessionOf: first, by: 11)
            #expect(try await reason { _ = try await refresh(first) } == "INVALID_TOKEN")
            #expect(try await refusal(of: second) == "INVALID_TOKEN")
            #expect(try await reason { _ = try await refresh(second) } == "INVALID_TOKEN")
        }
    }

    @Test func `many who use one refresh token at once get one successor`() async throws {
        try await withTwoServers { clinic, other in
            let patient = try await clinic.signUp()
            let there = patient.on(try await other.connect())
            let tokens = Mutex<Set<String>>([])
            let renew: @Sendable (Session) async throws -> Void = { session in
                let renewed = try await self.refresh(session)
                tokens.withLock { _ = $0.insert(renewed.refreshToken) }
            }
            let ends = try await race(
                behind: "select from clinic.user_account where id = \(patient.userID) for update",
                in: [clinic, other],
                [
                    Contenders(backends: 1) { try await renew(patient) },
                    Contenders(backends: 2) { try await renew(there) },
                ])
            #expect(ends == [["OK": 1], ["OK": 1]])
            #expect(tokens.withLock(\.count) == 1)
            #expect(try await clinic.count("select count(*) from clinic.refresh_family") == 1)
        }
    }

    @Test func `a stolen session is out on another server within the promised time`() async throws {
        try await withClinic { clinic in
            try await withClinic(databaseURL: clinic.databaseURL, userAccessAge: .milliseconds(200)) {
                other in
                let first = try await clinic.signUp()
                let last = try await refresh(try await refresh(first))
                let there = last.on(try await other.connect())
                #expect(try await refusal(of: there) == nil)
                #expect(try await reason { _ = try await refresh(first) } == "INVALID_TOKEN")
                let end = ContinuousClock.now
                var sent = end
                while try await refusal(of: there) == nil {
                    try #require(end.duration(to: sent) < .milliseconds(200))
                    sent = .now
                }
            }
        }
    }

    @Test func `a session ends 90 days after its login, however often it is refreshed, and is deleted`()
        async throws
    {
        let url = try await TestCluster.makeDatabase()
        try await withClinic(databaseURL: url) { clinic in
            let patient = try await clinic.signUp()
            try await clinic.age(sessionOf: patient, by: 89 * 86_400)
            let second = try await refresh(patient)
            let lastDay = """
                select count(*) from clinic.refresh_family where expires_at = created_at + interval '90 days'
                """
            #expect(try await clinic.count(lastDay) == 1)
            try await clinic.age(sessionOf: patient, by: 86_400)
            #expect(try await reason { _ = try await refresh(second) } == "INVALID_TOKEN")
            _ = try await clinic.database.write(
                Statement("update clinic.refresh_family set expires_at = now() - interval '1 second'"))
        }
        // A server begins with what is oldest, and goes on from there.
        try await withClinic(databaseURL: url) { clinic in
            try await eventually("housekeeping") {
                try await clinic.count("select count(*) from clinic.refresh_family") == 0
            }
        }
    }

    @Test func `a refresh token ends after 30 days without use, and when the account is signed out`()
        async throws
    {
        let clinic = try await Self.shared.value
        let patient = try await clinic.signUp()
        let days = """
            select count(*) from clinic.refresh_family
            where user_id = $1 and expires_at - refreshed_at = interval '30 days'
            """
        #expect(try await clinic.count(days, [.int64(patient.userID)]) == 1)
        _ = try await clinic.database.write(
            Statement("update clinic.refresh_family set expires_at = now() where user_id = $1"),
            [.int64(patient.userID)])
        #expect(try await reason { _ = try await refresh(patient) } == "INVALID_TOKEN")
    }

    @Test func `signing out everywhere ends every session, for oneself and by an administrator`() async throws
    {
        let clinic = try await Self.shared.value
        let administrator = try await clinic.administrator()
        for isSelf in [true, false] {
            let first = try await clinic.signUp()
            let email = try await first.call(UserServiceMethods.getUser, GetUserRequest()).email
            let second = try await first.signedIn(email: email, userID: first.userID)
            if isSelf {
                try await first.call(UserServiceMethods.revokeTokens, RevokeTokensRequest())
            } else {
                try await administrator.call(
                    UserServiceMethods.revokeTokens, RevokeTokensRequest(userID: first.userID))
            }
            for session in [first, second] {
                #expect(try await refusal(of: session) == "INVALID_TOKEN")
                #expect(try await reason { _ = try await refresh(session) } == "INVALID_TOKEN")
            }
            let third = try await first.signedIn(email: email, userID: first.userID)
            #expect(try await refusal(of: third) == nil)
        }
        #expect(try await refusal(of: administrator) == nil)
    }

    @Test func `a person has at most fifty sessions, and the one longest unused goes first`() async throws {
        let clinic = try await Self.shared.value
        let first = try await clinic.signUp()
        let email = try await first.call(UserServiceMethods.getUser, GetUserRequest()).email
        var latest = first
        for _ in 0..<52 { latest = try await first.signedIn(email: email, userID: first.userID) }
        let sessions = "select count(*) from clinic.refresh_family where user_id = $1"
        #expect(try await clinic.count(sessions, [.int64(first.userID)]) == 50)
        #expect(try await reason { _ = try await refresh(first) } == "INVALID_TOKEN")
        #expect(try await refusal(of: try await refresh(latest)) == nil)
    }

    @Test
    func `tokens of the two kinds are not taken for each other, and what cannot be one is refused alike`()
        async throws
    {
        let clinic = try await Self.shared.value
        let patient = try await clinic.signUp()
        let swapped = Session(client: patient.client, token: patient.refreshToken, userID: 0)
        #expect(try await refusal(of: swapped) == "INVALID_TOKEN")
        var messages: Set<String> = []
        let token = patient.refreshToken
        for text in [
            "", "x", String(repeating: "A", count: 64), String(repeating: "é", count: 32), token + "A",
            String(token.dropLast()), String(repeating: "A", count: 1_024), patient.token ?? "",
        ] {
            let refused = try await status {
                try await patient.anonymous.call(
                    UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: text))
            }
            #expect(refused?.code == .unauthenticated)
            messages.insert(refused?.message ?? "")
        }
        #expect(messages.count == 1)
        _ = try await refresh(patient)
    }

    @Test func `who is signed out on one server is out on another within the promised time`() async throws {
        try await withClinic { clinic in
            try await withClinic(databaseURL: clinic.databaseURL, userAccessAge: .milliseconds(200)) {
                other in
                let administrator = try await clinic.administrator()
                let patient = try await clinic.signUp()
                let there = patient.on(try await other.connect())
                #expect(try await refusal(of: there) == nil)

                try await administrator.call(
                    UserServiceMethods.revokeTokens, RevokeTokensRequest(userID: patient.userID))
                let end = ContinuousClock.now
                #expect(try await refusal(of: patient) == "INVALID_TOKEN")
                // No call that is sent later than the promised time after the change is let in.
                var sent = end
                while try await refusal(of: there) == nil {
                    try #require(end.duration(to: sent) < .milliseconds(200))
                    sent = .now
                }
            }
        }
    }

    @Test func `a token of a new session is accepted at once where the old token version is still cached`()
        async throws
    {
        try await withClinic { clinic in
            try await withClinic(databaseURL: clinic.databaseURL, userAccessAge: .seconds(3_600)) { other in
                let patient = try await clinic.signUp()
                let connection = try await other.connect()
                let email = try await patient.on(connection).call(
                    UserServiceMethods.getUser, GetUserRequest()
                ).email
                try await patient.call(UserServiceMethods.revokeTokens, RevokeTokensRequest())
                // This is what the promised time bounds: it is an hour on this server.
                #expect(try await refusal(of: patient.on(connection)) == nil)
                let renewed = try await patient.signedIn(email: email, userID: patient.userID)
                #expect(try await refusal(of: renewed.on(connection)) == nil)
                #expect(try await refusal(of: patient.on(connection)) == "INVALID_TOKEN")
            }
        }
    }

    @Test func `an administrator who is made anew on the machine is signed out everywhere`() async throws {
        try await withClinic(userAccessAge: .zero) { clinic in
            let administrator = try await clinic.administrator()
            let email = try await administrator.call(UserServiceMethods.getUser, GetUserRequest()).email
            _ = try await Administrators(
                users: UserStore(database: clinic.database), passwords: BcryptPool(cost: 4)
            )
            .make(email: email, password: "battery staple", firstName: nil, lastName: nil)
            #expect(try await refusal(of: administrator) == "INVALID_TOKEN")
            #expect(try await reason { _ = try await refresh(administrator) } == "INVALID_TOKEN")
        }
    }
}

extension TestClinic {
    /// Makes a person's sessions so many seconds older.
    fileprivate func age(sessionOf session: Session, by seconds: Int64) async throws {
        let statement = Statement(
            """
            update clinic.refresh_family set created_at = created_at - make_interval(secs => $2),
                refreshed_at = refreshed_at - make_interval(secs => $2)
            where user_id = $1
            """)
        _ = try await database.write(statement, [.int64(session.userID), .int64(seconds)])
    }
}
