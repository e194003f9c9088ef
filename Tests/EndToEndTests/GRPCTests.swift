// The daemon serves programs on the public Python library for gRPC as they are, on every kind of listener, and holds out against
// peers that want no good.

import RPC
import TestCluster
import Testing

@Suite(.seated)
struct GRPCTests {
    @Test func `a Python program signs up, books, watches and pays, over every kind of listener`()
        async throws
    {
        let clinic = try await Installation.withDatabase()
        #expect(try await clinic.run("seed-demo").status == 0)
        let authority = try await clinic.makeAuthority()
        let options = [
            "--listen", "tcp:127.0.0.1:0", "--listen", "tls:127.0.0.1:0", "--tls-cert",
            authority + "/server.pem",
            "--tls-key", authority + "/server.key", "--tls-client-ca", authority + "/ca.pem", "--metrics",
            "127.0.0.1:0",
        ]
        try await clinic.serving(options) { daemon in
            func address(_ kind: String) async throws -> String {
                let line = try await daemon.line(with: "listening on \(kind):")
                return String(try #require(line.split(separator: " ").last))
            }
            for arguments in [
                ["\(clinic.socket)"], [try await address("tcp")], [try await address("tls"), authority],
            ] {
                let patient = try await PythonPrograms.run("story", arguments)
                #expect(patient.status == 0, "\(patient)")
                #expect(patient.outputLines.last == "13 steps", "\(patient)")
            }
            let line = try await daemon.line(with: "metrics on 127.0.0.1:")
            let port = try #require(line.split(separator: ":").last.flatMap { Int($0) })
            let page = try await WebAnswer.get("/metrics", port: port).body
            #expect(page.contains(#"protocol="grpc""#))
        }
    }

    @Test func `hostile peers end as they should, and the server goes on`() async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving(["--listen", "tcp:127.0.0.1:0"]) { daemon in
            let line = try await daemon.line(with: "listening on tcp:")
            let address = String(try #require(line.split(separator: " ").last))
            let peers = try await PythonPrograms.run("hostile", [address])
            #expect(peers.status == 0, "\(peers)")
            #expect(peers.outputLines.last == "the server goes on", "\(peers)")
        }
    }

    @Test func `a daemon of one protocol refuses the other`() async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving(["--protocols", "ttrpc"]) { _ in
            let refused = try await PythonPrograms.run("story", ["\(clinic.socket)"])
            #expect(refused.status != 0, "\(refused)")
            let health = try await Program.run("clinic", ["health", "--address", "\(clinic.socket)"])
            #expect(health.status == 0, "\(health)")
        }
    }
}
