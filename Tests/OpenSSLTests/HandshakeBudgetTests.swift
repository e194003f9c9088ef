// How many handshakes one address may start.

import NIOCore
import Testing

@testable import RPC

struct HandshakeBudgetTests {
    /// Handshakes one after another, from the addresses that are given; prints which were completed.
    private static let python = """
        import socket, ssl, sys
        port, authorities, sources = int(sys.argv[1]), sys.argv[2], sys.argv[3].split(",")
        context = ssl.create_default_context(cafile=authorities)
        for source in sources:
            with socket.create_connection(("127.0.0.1", port), 120, (source, 0)) as connection:
                try:
                    context.wrap_socket(connection, server_hostname="localhost").close()
                    print("done", end=" ")
                except OSError:
                    print("closed", end=" ")
        """

    @Test func `an address that has started as many handshakes as it may is closed, and others are not`()
        async throws
    {
        var configuration = ServerConfiguration.patient
        configuration.maximumHandshakesPerAddress = 3
        configuration.handshakeWindow = .seconds(3600)
        let authority = try await TestAuthority.shared
        try await SecureServer.with(SecureServer.context(), configuration) { server in
            let sources = Array(repeating: "127.0.0.1", count: 5) + ["127.0.0.2", "127.0.0.1"]
            let outcome = try await Command.run(
                "python3", "-c", Self.python, "\(server.port)", authority.authorities,
                sources.joined(separator: ","))
            #expect(outcome.output == "done done done closed closed done closed ", "\(outcome)")
        }
    }

    @Test func `the next window is a new one, and an IPv6 network is one address`() {
        let budget = HandshakeBudget(limit: 1, window: .seconds(1))
        func admits(_ address: String, _ now: NIODeadline) -> Bool {
            ClientAddress(literal: address).map { budget.admits($0, now: now) } ?? false
        }
        let start = NIODeadline.uptimeNanoseconds(5_000_000_000)
        #expect(admits("2001:db8::1", start))
        #expect(!admits("2001:db8::2", start + .milliseconds(999)))
        #expect(admits("2001:db8:0:1::2", start + .milliseconds(999)))
        #expect(admits("::ffff:192.0.2.1", start + .milliseconds(999)))
        #expect(admits("::ffff:192.0.2.2", start + .milliseconds(999)))
        #expect(admits("2001:db8::2", start + .seconds(1)))
    }
}
