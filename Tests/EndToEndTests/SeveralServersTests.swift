// Several servers of one clinic, each with a data directory of its own, and the keys that they share.

import ClinicClient
import ClinicMessages
import Foundation
import PostgreSQL
import RPC
import RPCMessages
import TestCluster
import TestWaiting
import Testing

/// A file of signing keys as an operator makes it, in which a key is named by a number.
struct SigningKeyFile {
    let path: String

    init(_ numbers: UInt8...) throws {
        path = try TestCluster.makeDirectory() + "/keys"
        try write(numbers)
    }

    /// Replaces the keys at once, as a secret mount does.
    func write(_ numbers: [UInt8]) throws {
        let lines = numbers.map { Data(repeating: $0, count: 32).base64EncodedString() + "\n" }
        try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        chmod(path, 0o440)
    }
}

@Suite(.seated)
struct SeveralServersTests {
    /// A data directory and the database of another clinic.
    private func another(_ clinic: Installation) throws -> Installation {
        Installation(directory: try TestCluster.makeDirectory(), database: clinic.database)
    }

    private func profile(_ clinic: Installation, _ token: String) async throws {
        let client = clinic.client()
        client.token = token
        _ = try await client.call(UserServiceMethods.getUser, GetUserRequest())
    }

    @Test func `a session is good on every server that has the keys`() async throws {
        let keys = try SigningKeyFile(1)
        let clinic = try await Installation.withDatabase()
        let other = try another(clinic)
        try await clinic.serving(["--signing-keys", keys.path]) { _ in
            try await other.serving(["--signing-keys", keys.path]) { _ in
                _ = try await clinic.signUp("ann@example.org")
                try await profile(other, try await clinic.logIn("ann@example.org").token)
            }
        }
        #expect(try !clinic.contents().contains("signing-keys"))
    }

    @Test func `a server that lacks the key of the others ends its start`() async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving { _ in
            let ending = try await another(clinic).start(["--log-level", "error"]).end()
            expectComplaint(
                ending, "the signing keys of this server lack ", "--signing-keys", "--replace-signing-keys")
            _ = try await clinic.signUp("ann@example.org")
        }
        // Also when no other server runs: the sessions are still there.
        expectComplaint(try await another(clinic).start(["--log-level", "error"]).end(), "lack ")
    }

    @Test func `keys are rotated while all servers run, and nobody is signed out`() async throws {
        let files = [try SigningKeyFile(1), try SigningKeyFile(1)]
        let clinic = try await Installation.withDatabase()
        let clinics = [clinic, try another(clinic)]
        try await clinics[0].serving(["--signing-keys", files[0].path]) { first in
            try await clinics[1].serving(["--signing-keys", files[1].path]) { second in
                _ = try await clinic.signUp("ann@example.org")
                var tokens = [try await clinics[1].logIn("ann@example.org").token]
                for (round, keys) in [[UInt8(1), 2], [2, 1]].enumerated() {
                    for (file, daemon) in zip(files, [first, second]) {
                        try file.write(keys)
                        daemon.signal(SIGHUP)
                        try await eventually("the new keys are in use") {
                            daemon.errors.split(separator: "new signing keys are in use").count == round + 2
                        }
                        for clinic in clinics {
                            tokens.append(try await clinic.logIn("ann@example.org").token)
                        }
                        for clinic in clinics { for token in tokens { try await profile(clinic, token) } }
                    }
                }
                // The old key was signed with a moment ago.
                try files[0].write([2])
                first.signal(SIGHUP)
                try await first.line(with: "the old signing keys stay in use", on: .errors)
                for token in tokens { try await profile(clinics[0], token) }
            }
        }
        try files[0].write([2])
        expectComplaint(
            try await clinic.start(["--signing-keys", files[0].path, "--log-level", "error"]).end(), "lack "
        )
        // After the longest session.
        try await AdminConnection.withConnection(url: try #require(clinic.database)) { connection in
            try connection.execute(
                """
                update clinic.signing_key set last_used_at = last_used_at - interval '91 days'
                where last_used_at < (select max(last_used_at) from clinic.signing_key)
                """)
        }
        try await clinic.serving(["--signing-keys", files[0].path]) { _ in
            _ = try await clinic.logIn("ann@example.org")
        }
    }

    @Test func `keys that are lost are replaced and everybody is signed out`() async throws {
        let clinic = try await Installation.withDatabase()
        let daemon = try await clinic.serve()
        _ = try await clinic.signUp("ann@example.org")
        let session = try await clinic.logIn("ann@example.org")
        try await daemon.stop()
        let path = clinic.directory + "/signing-keys"
        let key = try Data(contentsOf: URL(fileURLWithPath: path))
        try FileManager.default.removeItem(atPath: path)
        expectComplaint(try await clinic.start(["--log-level", "error"]).end(), "lack ")

        let ending = try await Program.run("clinicd", ["configure", "--replace-signing-keys"] + clinic.place)
        #expect(ending.status == 0 && ending.output.contains("everybody is signed out"), "\(ending)")
        // Whoever has the old key after all has no session either.
        try key.write(to: URL(fileURLWithPath: path))
        chmod(path, 0o600)
        try await clinic.serving { _ in
            for call in [
                { try await profile(clinic, session.token) },
                {
                    _ = try await clinic.client().call(
                        UserServiceMethods.refreshToken,
                        RefreshTokenRequest(refreshToken: session.refreshToken))
                },
            ] as [() async throws -> Void] {
                #expect(try await status(of: call)?.errorInfo?.reason == "INVALID_TOKEN")
            }
            _ = try await clinic.logIn("ann@example.org")
        }
    }

    @Test func `a password for the database comes from a secret mount`() async throws {
        let clinic = try await Installation.withDatabase()
        let path = try TestCluster.makeDirectory() + "/password"
        let secret = "it's a \\ \"50 %\" pass&word?"
        try Data((secret + "\n").utf8).write(to: URL(fileURLWithPath: path))
        chmod(path, 0o444)
        expectComplaint(
            try await clinic.start(["--database-password-file", path]).end(),
            "--database-password-file \(path) has mode 444")
        chmod(path, 0o440)
        // The cluster of the tests asks nobody for a password, but libpq reads the whole URL.
        try await clinic.serving(["--database-password-file", path]) { _ in
            _ = try await clinic.signUp("ann@example.org")
        }
    }
}
