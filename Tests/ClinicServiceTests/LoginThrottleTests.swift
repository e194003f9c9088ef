// What slows down whoever guesses passwords, through the socket. The clock is the database's: a test that needs time to pass, or
// not to pass, moves the failures.

import Bcrypt
import ClinicMessages
import PostgreSQL
import RPC
import RPCMessages
import TestCluster
import TestWaiting
import Testing

@Suite struct LoginThrottleTests {
    @Test func `the fourth password waits 1, 2, 4 and at last 60 seconds, whether or not the account exists`()
        async throws
    {
        try await withClinic { clinic in
            let session = try await clinic.connect()
            let known = try await clinic.account()
            let signedInHere = try await clinic.account(signingInOn: session)
            for email in ["nobody@example.org", known, signedInHere] {
                try await clinic.forgetLoginFailures()
                for _ in 0..<3 { #expect(try await session.login(email) == "WRONG_CREDENTIALS") }
                for (failures, delay) in [
                    (3, 1), (4, 2), (5, 4), (6, 8), (7, 16), (8, 32), (9, 60), (12, 60),
                ] {
                    let ending = try await within(.seconds(1)) {
                        try await clinic.setLoginFailures(failures)
                        return try await session.login(email)
                    }
                    #expect(ending == "LOGIN_THROTTLED \(delay)", "\(email) after \(failures)")
                    // Whoever repeats too early need not wait longer.
                    #expect(try await clinic.loginFailures == Int64(failures))
                }
                try await clinic.setLoginFailures(9, age: 61)
                #expect(try await session.login(email) == "WRONG_CREDENTIALS")
                try await clinic.setLoginFailures(9, age: 901)
                for _ in 0..<3 { #expect(try await session.login(email) == "WRONG_CREDENTIALS") }
            }
        }
    }

    @Test func `of many guesses at once three are answered`() async throws {
        try await withClinic { clinic in
            let session = try await clinic.connect()
            let endings = try await within(.seconds(1)) {
                let email = "nobody\(clinic.next())@example.org"
                return try await race(
                    (0..<20).map { _ in { _ = try await session.signIn(email, "wrong") } })
            }
            #expect(endings == ["WRONG_CREDENTIALS": 3, "LOGIN_THROTTLED": 17])
        }
    }

    @Test func `a stranger waits even with the right password, and nobody waits elsewhere`() async throws {
        try await withClinic { clinic in
            let email = try await clinic.account()
            let here = try await clinic.connect()
            for _ in 0..<3 { #expect(try await here.login(email) == "WRONG_CREDENTIALS") }
            try await clinic.holdLoginThrottle()
            #expect(try await here.login(email, TestClinic.password).hasPrefix("LOGIN_THROTTLED"))
            #expect(try await here.login("nobody@example.org") == "WRONG_CREDENTIALS")
            #expect(try await clinic.connectOverTCP().login(email, TestClinic.password) == "OK")
        }
    }

    @Test func `a person who signed in here before is not kept out by others' guesses`() async throws {
        try await withClinic { clinic in
            let session = try await clinic.connect()
            let email = try await clinic.account(signingInOn: session)
            for _ in 0..<3 { #expect(try await session.login(email) == "WRONG_CREDENTIALS") }
            try await clinic.holdLoginThrottle()
            for _ in 0..<10 { #expect(try await session.login(email).hasPrefix("LOGIN_THROTTLED")) }
            #expect(try await session.login(email, TestClinic.password) == "OK")
            // A sign-in ends the count.
            try await clinic.setLoginFailures(3, age: 1)
            #expect(try await session.login(email, TestClinic.password) == "OK")
            #expect(try await session.login(email) == "WRONG_CREDENTIALS")
        }
    }

    @Test func `a live refresh token of the same person is let through, any other is not`() async throws {
        try await withClinic { clinic in
            let elsewhere = try await clinic.connectOverTCP()
            let email = try await clinic.account()
            let session = try await elsewhere.signIn(email)
            let other = try await elsewhere.signIn(clinic.account())
            let here = try await clinic.connect()
            for _ in 0..<3 { #expect(try await here.login(email) == "WRONG_CREDENTIALS") }
            try await clinic.holdLoginThrottle()
            for token in ["", "x", other.refreshToken, String(repeating: "A", count: 64)] {
                let ending = try await here.login(email, TestClinic.password, refreshToken: token)
                #expect(ending.hasPrefix("LOGIN_THROTTLED"), "\(token)")
            }
            #expect(
                try await here.login(email, refreshToken: session.refreshToken).hasPrefix("LOGIN_THROTTLED"))
            #expect(
                try await here.login(email, TestClinic.password, refreshToken: session.refreshToken) == "OK")
            // It was shown and not used up.
            try await elsewhere.call(
                UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: session.refreshToken))
        }
    }

    @Test func `failures count on every server and after a restart`() async throws {
        try await withClinic { clinic in
            let email = try await clinic.account()
            let first = try await clinic.connect()
            for _ in 0..<2 { #expect(try await first.login(email) == "WRONG_CREDENTIALS") }
            try await withClinic(databaseURL: clinic.databaseURL) { second in
                let ending = try await second.connect().login(email)
                #expect(ending == "WRONG_CREDENTIALS")
            }
            try await clinic.holdLoginThrottle()
            #expect(try await first.login(email).hasPrefix("LOGIN_THROTTLED"))
            await clinic.shutDown()
            try await withClinic(databaseURL: clinic.databaseURL) { third in
                let ending = try await third.connect().login(email, TestClinic.password)
                #expect(ending.hasPrefix("LOGIN_THROTTLED"))
            }
        }
    }

    @Test func `an account that is guessed at from everywhere is served after others`() async throws {
        let passwords = try BcryptPool(cost: 10, threadCount: 1)
        try await withClinic(passwords: passwords) { clinic in
            let (victim, other) = (try await clinic.account(), try await clinic.account())
            let peers = [try await clinic.connect(), try await clinic.connectOverTCP()]
            for peer in peers { #expect(try await peer.login(victim) == "WRONG_CREDENTIALS") }
            // Ten failures from the two, long enough ago for the next password to count.
            try await clinic.setLoginFailures(5, age: 5)
            let answered = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 { group.addTask { "guess: \(try await peers[1].login(victim))" } }
                try await eventually("guesses in the queue") { passwords.queuedCount >= 6 }
                group.addTask { "other: \(try await peers[0].login(other, TestClinic.password))" }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answered.count == 9 && answered.contains("other: OK"))
            #expect(answered.last?.hasPrefix("guess") == true)
        }
    }

    @Test func `wrong current passwords are counted apart from logins`() async throws {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            let email = try await patient.call(UserServiceMethods.getUser, GetUserRequest()).email
            func change(from current: String) async throws -> String {
                outcome(
                    of: try await status {
                        try await patient.call(
                            UserServiceMethods.changePassword,
                            ChangePasswordRequest(currentPassword: current, newPassword: "battery staple"))
                    })
            }
            for _ in 0..<3 { #expect(try await change(from: "guess") == "WRONG_CREDENTIALS") }
            try await clinic.holdLoginThrottle()
            // The bearer of a token may have stolen it, so even the right password has to wait.
            #expect(try await change(from: TestClinic.password).hasPrefix("LOGIN_THROTTLED"))
            #expect(try await patient.login(email, TestClinic.password) == "OK")

            try await clinic.forgetLoginFailures()
            for _ in 0..<3 { #expect(try await patient.login(email) == "WRONG_CREDENTIALS") }
            try await clinic.holdLoginThrottle()
            #expect(try await change(from: TestClinic.password) == "OK")
        }
    }

    @Test func `a new password makes the places of former sign-ins strange, but not the one of the change`()
        async throws
    {
        try await withClinic { clinic in
            let here = try await clinic.connect()
            let email = try await clinic.account(signingInOn: here)
            let elsewhere = try await clinic.connectOverTCP()
            let session = try await elsewhere.signIn(email)
            try await session.call(
                UserServiceMethods.changePassword,
                ChangePasswordRequest(currentPassword: TestClinic.password, newPassword: "battery staple"))
            for peer in [here, elsewhere] {
                for _ in 0..<3 { #expect(try await peer.login(email) == "WRONG_CREDENTIALS") }
            }
            try await clinic.holdLoginThrottle()
            #expect(try await here.login(email, "battery staple").hasPrefix("LOGIN_THROTTLED"))
            #expect(try await elsewhere.login(email, "battery staple") == "OK")
            let places = "select count(*) from clinic.login_peer"
            #expect(try await clinic.count(places) == 1)
            try await session.signIn(email, "battery staple").call(
                UserServiceMethods.eraseUser, EraseUserRequest(userID: session.userID))
            #expect(try await clinic.count(places) == 0)
        }
    }

    @Test func `what no longer counts is deleted, and the number of failures is bounded`() async throws {
        let url = try await TestCluster.makeDatabase()
        let email = try await withClinic(databaseURL: url) { clinic in
            let session = try await clinic.connect()
            let email = try await clinic.account(signingInOn: session)
            _ = try await session.login(email)
            try await clinic.setLoginFailures(3, age: 901)
            _ = try await clinic.database.write(
                Statement("update clinic.login_peer set signed_in_at = now() - interval '91 days'"))
            return email
        }
        // A server begins with what is oldest, and goes on from there.
        try await withClinic(databaseURL: url) { clinic in
            try await eventually("housekeeping") {
                let peers = try await clinic.count("select count(*) from clinic.login_peer")
                let failures = try await clinic.loginFailures
                return peers == 0 && failures == 0
            }
            let session = try await clinic.connect()
            for _ in 0..<3 { _ = try await session.login(email) }
            _ = try await clinic.database.write(Statement("select forget_logins(null, 2)"))
            #expect(try await clinic.loginFailures == 2)
        }
    }
}

/// Does it again until it has ended in time, at most twenty times: what it sees is right only within that time.
func within<Value>(_ time: Duration, _ body: () async throws -> Value) async throws -> Value {
    for _ in 0..<20 {
        let start = ContinuousClock.now
        let value = try await body()
        if start.duration(to: .now) < time { return value }
    }
    throw Status(.deadlineExceeded, "never in time")
}

/// How a call ended: OK, or its reason with the seconds to wait.
func outcome(of status: Status?) -> String {
    guard let status else { return "OK" }
    let delay = status.retryInfo?.retryDelay.map { " \($0.seconds)" }
    return (status.errorInfo?.reason ?? status.message) + (delay ?? "")
}

extension Session {
    func signIn(
        _ email: String, _ password: String = TestClinic.password, refreshToken: String = ""
    ) async throws -> Session {
        let answer = try await anonymous.call(
            UserServiceMethods.login,
            LoginRequest(email: email, password: password, refreshToken: refreshToken))
        let session = Session(
            client: client, token: answer.token, userID: 0, refreshToken: answer.refreshToken)
        let user = try await session.call(UserServiceMethods.getUser, GetUserRequest())
        return Session(
            client: client, token: answer.token, userID: user.id, refreshToken: answer.refreshToken)
    }

    /// How a login ends.
    func login(
        _ email: String, _ password: String = "wrong", refreshToken: String = ""
    ) async throws -> String {
        outcome(of: try await status { _ = try await signIn(email, password, refreshToken: refreshToken) })
    }
}

extension TestClinic {
    /// The e-mail of a new patient, who has signed in nowhere, or once on this connection.
    func account(signingInOn session: Session? = nil) async throws -> String {
        let email = "patient\(next())@example.org"
        try await connect().call(
            UserServiceMethods.createUser,
            CreateUserRequest(
                firstName: "Pat", lastName: "Ient", email: email, password: TestClinic.password))
        if let session { _ = try await session.signIn(email) }
        return email
    }

    /// How many wrong passwords are counted, of all accounts.
    var loginFailures: Int64 {
        get async throws { try await count("select count(*) from clinic.login_failure") }
    }

    func forgetLoginFailures() async throws {
        _ = try await database.write(Statement("delete from clinic.login_failure"))
    }

    /// So many failures of each account and peer that has any, all of them so many seconds old.
    func setLoginFailures(_ failures: Int, age: Int64 = 0) async throws {
        let statement = Statement(
            """
            with old as (delete from clinic.login_failure returning account, peer)
            insert into clinic.login_failure (account, peer, failed_at)
            select account, peer, clock_timestamp() - make_interval(secs => $2)
            from (select distinct account, peer from old) as known, generate_series(1, $1)
            """)
        _ = try await database.write(statement, [.int64(Int64(failures)), .int64(age)])
    }

    /// Whoever has to wait now has to wait for minutes, so that no test has to be quick.
    func holdLoginThrottle() async throws {
        _ = try await database.write(
            Statement("update clinic.login_failure set failed_at = failed_at + interval '10 minutes'"))
    }
}
