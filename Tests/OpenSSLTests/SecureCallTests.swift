// ttrpc over TLS with our own client and server: admission, trust, and error messages.

import NIOCore
import OpenSSL
import ProtobufC
import RPC
import RPCMessages
import TTRPC
import Testing

struct SecureCallTests {
    @Test(arguments: ["localhost", "127.0.0.1"])
    func `calls succeed, and the certificate is valid for a name and an address`(host: String)
        async throws
    {
        let authority = try await TestAuthority.shared
        try await SecureServer.with(SecureServer.context()) { server in
            let client = try await server.client(TLSContext(authorities: authority.authorities), host: host)
            for text in ["", "a", String(repeating: "é", count: 50_000)] {
                let answer = try await client.call(TestMethods.repeatText, HealthCheckRequest(service: text))
                #expect(answer.service == text)
            }
            #expect(try await client.call(TestMethods.whoAmI, HealthCheckRequest()).service == "nobody")
            await client.close()
        }
    }

    @Test func `large messages pass in both directions at once`() async throws {
        let authority = try await TestAuthority.shared
        var configuration = ServerConfiguration.patient
        configuration.maximumRequestBytes = 4 << 20
        try await SecureServer.with(SecureServer.context(), configuration) { server in
            let client = try await server.client(TLSContext(authorities: authority.authorities))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...8 {
                    group.addTask {
                        let text = String(repeating: "\(number)", count: 3_000_000 + number)
                        let answer = try await client.call(
                            TestMethods.repeatText, HealthCheckRequest(service: text))
                        #expect(answer.service == text)
                    }
                }
                try await group.waitForAll()
            }
            await client.close()
        }
    }

    @Test func `a client with a certificate is admitted and the server sees its names`() async throws {
        let authority = try await TestAuthority.shared
        let context = try await SecureServer.context(clientAuthorities: authority.authorities)
        try await SecureServer.with(context) { server in
            let client = try await server.client(
                TLSContext(authorities: authority.authorities, certificate: authority.client))
            let answer = try await client.call(TestMethods.whoAmI, HealthCheckRequest())
            #expect(answer.service == "reception email:desk@example.org dns:desk.example.org")
            await client.close()
        }
    }

    @Test(arguments: [false, true])
    func `a client without a certificate of the authority is rejected`(hasOther: Bool) async throws {
        let (authority, stranger) = (try await TestAuthority.shared, try await TestAuthority.stranger)
        let context = try await SecureServer.context(clientAuthorities: authority.authorities)
        try await SecureServer.with(context) { server in
            let other = hasOther ? stranger.client : nil
            let error = await #expect(throws: Status.self) {
                // With TLS 1.3 the client completes the handshake before the server has checked its certificate.
                let client = try await server.client(
                    TLSContext(authorities: authority.authorities, certificate: other))
                _ = try await client.call(TestMethods.repeatText, HealthCheckRequest())
            }
            #expect(error?.code == .unavailable)
            let words = hasOther ? "unknown ca" : "certificate required"
            #expect(
                error?.message.contains("the peer refused the connection: \(words)") == true, "\(error)")
            #expect(server.served.count == 0)
        }
    }

    @Test func `a server with a certificate for another host is not trusted`() async throws {
        let authority = try await TestAuthority.shared
        let context = try TLSContext(
            serverCertificate: authority.path("elsewhere.pem"), key: authority.server.key)
        try await SecureServer.with(context) { server in
            try await expectDistrust("is for another host") {
                try await server.client(TLSContext(authorities: authority.authorities))
            }
        }
    }

    @Test func `a server of an unknown authority is not trusted`() async throws {
        let stranger = try await TestAuthority.stranger
        try await SecureServer.with(SecureServer.context()) { server in
            for context in [try TLSContext(authorities: stranger.authorities), try TLSContext()] {
                try await expectDistrust("is from an authority that is not trusted here") {
                    try await server.client(context)
                }
            }
        }
    }

    @Test func `a server whose certificate has expired is not trusted`() async throws {
        let authority = try await TestAuthority.shared
        // Uses s_server because our server rejects an expired certificate at start.
        try await Command.serving(
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-cert",
            authority.path("expired.pem"),
            "-key", authority.server.key
        ) { lines in
            var port: Int?
            while port == nil, let line = try await lines() {
                port = line.hasPrefix("ACCEPT") ? line.split(separator: ":").last.flatMap { Int($0) } : nil
            }
            let address = Address.tls(host: "127.0.0.1", port: try #require(port))
            let context = try TLSContext(authorities: authority.authorities)
            try await expectDistrust("has expired") {
                try await Client.connect(
                    to: address,
                    security: { try context.secure($0, host: "127.0.0.1").map { _ in nil } })
            }
        }
    }

    private func expectDistrust(
        _ reason: String, sourceLocation: SourceLocation = #_sourceLocation,
        connect: () async throws -> Client
    ) async throws {
        let error = await #expect(throws: Status.self, sourceLocation: sourceLocation) {
            _ = try await connect()
        }
        #expect(error?.code == .unavailable, sourceLocation: sourceLocation)
        #expect(error?.transportFailure == .neverSent, sourceLocation: sourceLocation)
        #expect(
            error?.message.hasSuffix("the peer's certificate \(reason)") == true, "\(error)",
            sourceLocation: sourceLocation)
    }

    @Test func `a tls address is never used without TLS`() async throws {
        let address = Address.tls(host: "127.0.0.1", port: 0)
        try await SecureServer.with(SecureServer.context()) { server in
            let error = await #expect(throws: ListenError.self) {
                try await server.server.listen(on: address)
            }
            #expect(error?.reason == "nothing makes it secure")
        }
        let error = await #expect(throws: Status.self) { try await Client.connect(to: address) }
        #expect(error?.message.hasSuffix("nothing makes it secure") == true)
    }
}
