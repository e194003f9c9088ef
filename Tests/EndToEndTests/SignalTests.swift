// What signals do to the daemon: none ends it without draining it.

import ClinicClient
import Foundation
import RPC
import RPCMessages
import TTRPC
import Testing

@Suite(.seated)
struct SignalTests {
    @Test func `a signal that is not about the end leaves the daemon serving`() async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving { daemon in
            for number in [
                SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGXFSZ, 16,
                Self.firstRealTime, Self.lastRealTime,
            ] {
                daemon.signal(number)
                let answer = try await clinic.client().call(HealthMethods.check, HealthCheckRequest())
                #expect(answer.status == .serving, "after signal \(number)")
            }
            try await daemon.line(with: "SIGHUP has no effect", on: .errors)
        }
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGQUIT])
    func `a signal that ends the daemon drains it first`(number: Int32) async throws {
        let clinic = try await Installation.withDatabase()
        let daemon = try await clinic.serve()
        let client = try await Client.connect(to: clinic.socket)
        var changes = client.serverStream(HealthMethods.watch, HealthCheckRequest()).makeAsyncIterator()
        #expect(try await changes.next()?.status == .serving)
        daemon.signal(number)
        let end = try await status { while try await changes.next() != nil {} }
        #expect(end?.errorInfo?.reason == "SHUTTING_DOWN")
        #expect(try await daemon.end().status == 0)
    }

    private static let firstRealTime: Int32 = 34
    private static let lastRealTime: Int32 = 64
}
