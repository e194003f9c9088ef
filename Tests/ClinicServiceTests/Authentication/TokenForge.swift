// Makes tokens by hand, right and wrong ones, and runs PyJWT as the second opinion.
import ClinicService
import Foundation
import OpenSSL
import Scheduling
import Testing

struct TokenForge {
    let secret: [UInt8]
    let keys: SigningKeys
    /// A day in 2026, so that expiry depends on no clock.
    let now: Instant

    init() throws {
        secret = try SecureRandom.bytes(count: 32)
        keys = try SigningKeys(secret: secret)
        now = try #require(Instant(secondsSinceEpoch: 1_795_500_000))
    }

    var header: String { #"{"alg":"HS256","typ":"JWT","kid":"\#(keys.keyID)"}"# }

    /// The claims of a good token, as JSON members.
    var claims: [String: String] {
        let seconds = now.secondsSinceEpoch
        return [
            "iss": "\"clinic\"", "aud": "\"clinic.v1\"", "sub": "\"7\"", "role": "\"PATIENT\"",
            "ver": "3",
            "iat": "\(seconds)", "nbf": "\(seconds)", "exp": "\(seconds + 900)", "jti": "\"a\"",
        ]
    }

    func json(_ changes: [String: String?] = [:]) -> String {
        var members = claims
        for (name, value) in changes { members[name] = value }
        return "{" + members.map { "\"\($0)\":\($1)" }.sorted().joined(separator: ",") + "}"
    }

    func token(header: String? = nil, payload: String? = nil, key: [UInt8]? = nil) throws -> String {
        let signed =
            base64URL(Array((header ?? self.header).utf8)) + "." + base64URL(Array((payload ?? json()).utf8))
        return signed + "."
            + base64URL(try HMACSHA256(key: key ?? secret).authenticate(Array(signed.utf8)).bytes)
    }

    func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
            "=", with: "")
    }

    /// Runs a program with PyJWT imported as `jwt`, `key` and the arguments in `sys.argv`; answers what it prints.
    func python(_ program: String, _ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        let key = secret.map { String(format: "%02x", $0) }.joined()
        process.arguments =
            ["-c", "import json, sys, jwt\nkey = bytes.fromhex(sys.argv[1])\n" + program, key] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "python3 with the package python3-jwt is needed")
        return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
