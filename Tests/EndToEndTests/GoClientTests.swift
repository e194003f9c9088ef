// The daemon serves programs on the public Go library for ttrpc as they are.

import Foundation
import TestCluster
import Testing

@Suite(.seated)
struct GoClientTests {
    @Test func `a Go program signs up, signs in, books and pays, over either kind of socket`() async throws {
        let clinic = try await Installation.withDatabase()
        #expect(try await clinic.run("seed-demo").status == 0)
        try await clinic.serving(["--listen", "tcp:127.0.0.1:0"]) { daemon in
            let line = try await daemon.line(with: "listening on tcp:")
            let port = try #require(line.split(separator: ":").last)

            for address in ["\(clinic.socket)", "tcp:127.0.0.1:\(port)"] {
                let patient = try await GoPrograms.start("client", [address]).end(within: .seconds(120))
                #expect(patient.status == 0, "\(patient)")
                #expect(patient.errors.isEmpty, "\(patient)")
                #expect(patient.outputLines.last == "a patient asks many things at once")
            }
        }
    }

    @Test func `a Go program says what went wrong`() async throws {
        let nowhere = try await GoPrograms.start("client", ["unix:/nowhere/clinic.sock"]).end()
        #expect(nowhere.status == 1)
        #expect(nowhere.errors.contains("/nowhere/clinic.sock"))
        let usage = try await GoPrograms.start("client", []).end()
        #expect(usage.status == 2)
    }
}
