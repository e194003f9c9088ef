// The process in which the daemon has passwords hashed: apart from everybody else's processor time, and replaceable.

import ClinicMessages
import Foundation
import TestWaiting
import Testing

@Suite(.seated)
struct PasswordProcessTests {
    /// The process that hashes for a daemon, if there is one.
    private func helper(of daemon: Int32) throws -> Int32? {
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let process = Int32(name),
                let status = try? String(contentsOfFile: "/proc/\(name)/status", encoding: .utf8),
                let words = try? String(contentsOfFile: "/proc/\(name)/cmdline", encoding: .utf8)
            else { continue }
            if status.contains("\nPPid:\t\(daemon)\n"), words.contains("password-process") { return process }
        }
        return nil
    }

    @Test func `passwords are hashed behind everything else, and on when that process was killed`()
        async throws
    {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving { daemon in
            #expect(try helper(of: daemon.identifier) == nil)
            _ = try await clinic.signUp("ann@example.org")
            let first = try #require(try helper(of: daemon.identifier))
            #expect(getsid(first) == first)
            #expect(getpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(first)) == 10)
            if let group = try? String(contentsOfFile: "/proc/\(first)/autogroup", encoding: .utf8) {
                #expect(group.contains("nice 10"))
            }

            kill(first, SIGKILL)
            for _ in 0..<2 { #expect(try await clinic.logIn("ann@example.org").role == .patient) }
            let second = try #require(try helper(of: daemon.identifier))
            #expect(second != first)

            // It is the daemon's to end.
            kill(second, SIGTERM)
            #expect(try await clinic.logIn("ann@example.org").role == .patient)
            #expect(try helper(of: daemon.identifier) == second)
        }
    }
}
