// The administrator's credentials. They never come from an argument, which every user of the machine can read.

internal import FoundationEssentials
internal import ProgramInput

/// The options about the administrator.
struct CredentialSource {
    var email: String?
    /// "-" is standard input.
    var passwordFile: String?
    var sessionFile: String?
    var environment: [String: String]
    /// The duration of the run in seconds.
    var seconds: Double

    /// The credentials; throws if something is missing.
    func credentials() throws -> ScenarioOptions.Credentials {
        guard let email else { return .token(try sessionToken()) }
        return .password(email: email, password: try password())
    }

    private func password() throws -> String {
        let text: String?
        switch passwordFile {
        case "-"?: text = try ProgramInput.line()
        case let file?:
            guard let bytes = FileManager.default.contents(atPath: file) else {
                throw ScenarioFailure("cannot read the password from \(file)")
            }
            text = try ProgramInput.firstLine(ofFile: bytes, from: file)
        case nil: text = environment["CLINIC_PASSWORD"]
        }
        guard let text, !text.isEmpty else {
            throw ScenarioFailure(
                "the administrator's password is missing: set CLINIC_PASSWORD or give --password-file")
        }
        return text
    }

    /// The token of the command line's session. It is not refreshed, because that would end the session of the
    /// command line.
    private func sessionToken() throws(ScenarioFailure) -> String {
        guard let path = sessionFile ?? environment["CLINIC_SESSION_FILE"] ?? defaultSessionFile else {
            throw ScenarioFailure("name the administrator with --email")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let bytes = FileManager.default.contents(atPath: path),
            let session = try? decoder.decode(StoredSession.self, from: bytes)
        else {
            throw ScenarioFailure(
                "a scenario needs an administrator: give --email, or sign in with `clinic login` (no session in \(path))"
            )
        }
        if let end = try? Date(session.expireTime, strategy: .iso8601), end < Date() + seconds {
            throw ScenarioFailure(
                "the token of the session in \(path) expires at \(session.expireTime), before the run ends; use "
                    + "--email, whose token is renewed automatically")
        }
        return session.token
    }

    private var defaultSessionFile: String? {
        if let directory = environment["XDG_STATE_HOME"], directory.hasPrefix("/") {
            return directory + "/clinic/session.json"
        }
        return environment["HOME"].map { $0 + "/.local/state/clinic/session.json" }
    }

    /// The relevant fields of `clinic`'s session file.
    private struct StoredSession: Decodable {
        let token: String
        let expireTime: String
    }
}

/// Why a scenario cannot be prepared or checked, as a message for the user.
struct ScenarioFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
