// Where the administrator's credentials come from: never from an argument, which every user of the machine can read.

internal import FoundationEssentials
internal import Glibc

/// What was said about the administrator.
struct CredentialSource {
    var email: String?
    /// "-" is standard input.
    var passwordFile: String?
    var sessionFile: String?
    var environment: [String: String]
    /// How long the run takes, in seconds.
    var seconds: Double

    /// The credentials; throws what is missing.
    func credentials() throws(ScenarioFailure) -> ScenarioOptions.Credentials {
        guard let email else { return .token(try sessionToken()) }
        return .password(email: email, password: try password())
    }

    private func password() throws(ScenarioFailure) -> String {
        let text: String?
        switch passwordFile {
        case "-"?: text = readLine(strippingNewline: true)
        case let file?:
            guard let bytes = FileManager.default.contents(atPath: file) else {
                throw ScenarioFailure("cannot read the password from \(file)")
            }
            text = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
        case nil: text = environment["CLINIC_PASSWORD"]
        }
        guard let text, !text.isEmpty else {
            throw ScenarioFailure(
                "the administrator's password is missing: set CLINIC_PASSWORD or give --password-file")
        }
        return text
    }

    /// The token of the command line's session. It is not exchanged for the next: that would end the session there.
    private func sessionToken() throws(ScenarioFailure) -> String {
        guard let path = sessionFile ?? environment["CLINIC_SESSION_FILE"] ?? defaultSessionFile else {
            throw ScenarioFailure("say with --email which administrator makes the data")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let bytes = FileManager.default.contents(atPath: path),
            let session = try? decoder.decode(Session.self, from: bytes)
        else {
            throw ScenarioFailure(
                "a scenario needs an administrator: give --email, or sign in with `clinic login` (no session in \(path))"
            )
        }
        if let end = try? Date(session.expireTime, strategy: .iso8601), end < Date() + seconds {
            throw ScenarioFailure(
                "the session in \(path) has a token that ends at \(session.expireTime), before the run does: give "
                    + "--email, whose token is renewed in time")
        }
        return session.token
    }

    private var defaultSessionFile: String? {
        if let directory = environment["XDG_STATE_HOME"], directory.hasPrefix("/") {
            return directory + "/clinic/session.json"
        }
        return environment["HOME"].map { $0 + "/.local/state/clinic/session.json" }
    }

    /// What is needed of the session file of `clinic`.
    private struct Session: Decodable {
        let token: String
        let expireTime: String
    }
}

/// Why a scenario cannot be prepared or checked, in words for the user.
struct ScenarioFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
