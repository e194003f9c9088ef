// Our server with other TLS clients (`openssl s_client`, Python's ssl) and with peers that do not speak TLS.

import Foundation
import NIOCore
import NIOPosix
import OpenSSL
import RPC
import Testing

struct ForeignClientTests {
    /// Connects with s_client, which sends a line that is not ttrpc and ends when the server closes.
    private func connect(_ server: SecureServer, _ options: String...) async throws -> Command.Outcome {
        try await run(server, saying: "this is not ttrpc", ["-ign_eof"] + options)
    }

    private func run(
        _ server: SecureServer, saying line: String, _ options: [String]
    ) async throws -> Command.Outcome {
        let client = "openssl s_client -connect 127.0.0.1:\(server.port) -CAfile \"$1\""
        let script = "echo '\(line)' | \(client) \(options.joined(separator: " "))"
        return try await Command.run("bash", "-c", script, "bash", try await TestAuthority.shared.authorities)
    }

    @Test(arguments: [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
    func `TLS 1.2 and 1.3 are supported, and the server sends close_notify`(option: String, version: String)
        async throws
    {
        try await SecureServer.with(SecureServer.context()) { server in
            let outcome = try await connect(server, option)
            #expect(outcome.output.contains("New, \(version)"), "\(outcome)")
            #expect(outcome.output.contains("Verify return code: 0 (ok)"))
            #expect(outcome.output.contains("Compression: NONE"))
            // s_client prints this after close_notify; otherwise it reports an unexpected end.
            #expect(outcome.output.split(separator: "\n").contains("closed"))
            #expect(!outcome.output.contains("unexpected eof"))
        }
    }

    @Test(arguments: ["-tls1_1", "-tls1"])
    func `older TLS versions are rejected`(option: String) async throws {
        try await SecureServer.with(SecureServer.context()) { server in
            let outcome = try await connect(server, option, "-cipher ALL:@SECLEVEL=0")
            #expect(outcome.status != 0)
            #expect(outcome.output.contains("alert protocol version"), "\(outcome)")
        }
    }

    @Test(arguments: ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "NULL", "aNULL"])
    func `a cipher without forward secrecy or authentication is rejected`(cipher: String) async throws {
        try await SecureServer.with(SecureServer.context()) { server in
            let outcome = try await connect(server, "-tls1_2 -cipher '\(cipher):@SECLEVEL=0'")
            #expect(outcome.status != 0)
            #expect(outcome.output.contains("alert handshake failure"), "\(outcome)")
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"], [false, true])
    func `a session is resumed, but not with another context`(option: String, isReloaded: Bool) async throws {
        let file = try await TestAuthority.shared.path("session\(option)-\(isReloaded)")
        try await SecureServer.with(SecureServer.context()) { server in
            let outcome = try await connect(server, option, "-sess_out \(file)")
            #expect(outcome.output.contains("New, TLSv1"))
            guard !isReloaded else { return }
            #expect(try await connect(server, option, "-sess_in \(file)").output.contains("Reused, TLSv1"))
        }
        guard isReloaded else { return }
        try await SecureServer.with(SecureServer.context()) { server in
            let outcome = try await connect(server, option, "-sess_in \(file)")
            #expect(outcome.output.contains("New, TLSv1"), "\(outcome)")
        }
    }

    @Test(arguments: ["ffdhe8192", "ffdhe2048", "P-521", "X448"])
    func `a group that costs the server more than the client is rejected`(group: String) async throws {
        try await SecureServer.with(SecureServer.context()) { server in
            let outcome = try await connect(server, "-tls1_3 -groups \(group)")
            #expect(outcome.status != 0)
            #expect(outcome.output.contains("alert handshake failure"), "\(outcome)")
        }
    }

    @Test(arguments: ["X25519", "P-256", "P-384"], ["-tls1_2", "-tls1_3"])
    func `the usual groups are supported`(group: String, version: String) async throws {
        try await SecureServer.with(SecureServer.context()) { server in
            let outcome = try await connect(server, version, "-groups \(group)")
            #expect(outcome.output.contains("Verify return code: 0 (ok)"), "\(outcome)")
        }
    }

    @Test func `renegotiation is rejected`() async throws {
        try await SecureServer.with(SecureServer.context()) { server in
            // A line with an R requests renegotiation.
            let outcome = try await run(server, saying: "R", ["-tls1_2"])
            #expect(outcome.output.contains("RENEGOTIATING"))
            #expect(outcome.output.contains("no renegotiation"), "\(outcome)")
        }
    }

    /// A health check by a Python client over TLS, with every way to end the connection.
    private static let python = """
        import socket, ssl, struct, sys
        port, authorities, version, ending = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
        context = ssl.create_default_context(cafile=authorities)
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port)),
                                         server_hostname="localhost", suppress_ragged_eofs=False)
        def field(number, data): return bytes([number << 3 | 2, len(data)]) + data
        def check(stream):
            request = field(1, b"grpc.health.v1.Health") + field(2, b"Check")
            connection.sendall(struct.pack(">IIBB", len(request), stream, 1, 0) + request)
        def read(count):
            data = b""
            while len(data) < count:
                piece = connection.recv(count - len(data))
                if not piece: raise SystemExit("the server ended")
                data += piece
            return data
        def answer(stream):
            length, number, kind, flags = struct.unpack(">IIBB", read(10))
            assert (number, kind, flags) == (stream, 2, 0), (number, kind, flags)
            assert read(length) == field(2, bytes([8, 1]))
        check(1); answer(1)
        if ending == "client":
            # unwrap waits for the server's close_notify.
            check(3); answer(3)
            connection.unwrap().close()
        elif ending == "server":
            connection.sendall(b"x")
            assert connection.recv(1) == b""
        elif ending == "cut":
            connection.close()
        print("good")
        """

    @Test(arguments: ["TLSv1_2", "TLSv1_3"], ["client", "server", "cut"])
    func `a Python client makes a call and sees a clean end`(version: String, ending: String) async throws {
        let authority = try await TestAuthority.shared
        try await SecureServer.with(SecureServer.context()) { server in
            let outcome = try await Command.run(
                "python3", "-c", Self.python, "\(server.port)", authority.authorities, version,
                ending)
            #expect(outcome.output == "good\n")
        }
    }

    /// First bytes of peers that do not speak TLS.
    static let openings: [String: [UInt8]] = [
        "HTTP": Array("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8),
        "ttrpc": [0, 0, 0, 0, 0, 0, 0, 1, 1, 0],
        "zeros": [UInt8](repeating: 0, count: 4096),
        "an alert record": [21, 3, 3, 0, 2, 2, 40],
        "a truncated hello": [22, 3, 1, 0, 200, 1, 0, 0, 196],
        "a malformed hello": [22, 3, 1, 0, 4, 1, 0, 0, 0],
    ]

    @Test(arguments: openings.keys.sorted())
    func `a peer that does not speak TLS is disconnected`(opening: String) async throws {
        let bytes = try #require(Self.openings[opening])
        try await SecureServer.with(SecureServer.context()) { server in
            // A truncated hello alone would only end with the handshake's time limit, so that peer closes its side.
            try await expectEnd(server, after: bytes, closesOutput: opening.contains("truncated"))
        }
    }

    @Test func `the handshake has a time limit, whatever bytes arrive`() async throws {
        var configuration = ServerConfiguration.patient
        configuration.handshakeTime = .milliseconds(200)
        try await SecureServer.with(SecureServer.context(), configuration) { server in
            try await expectEnd(server, after: [])
            try await expectEnd(server, after: [22])
            try await expectEnd(server, after: [22, 3, 1, 0, 200, 1, 0, 0, 196])
        }
    }

    @Test func `a shutdown does not wait for a handshake`() async throws {
        let context = try await SecureServer.context()
        let clock = ContinuousClock.now
        try await SecureServer.with(context) { server in
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "127.0.0.1", port: server.port).get()
            try await channel.writeAndFlush(ByteBuffer(bytes: [22]))
            await server.server.shutdown()
            try await channel.closeFuture.get()
        }
        #expect(ContinuousClock.now - clock < .seconds(60))
    }

    /// Checks that the server closes a connection by itself.
    private func expectEnd(_ server: SecureServer, after bytes: [UInt8], closesOutput: Bool = false)
        async throws
    {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.allowRemoteHalfClosure, value: false)
            .connect(host: "127.0.0.1", port: server.port).get()
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes))
        if closesOutput { try await channel.close(mode: .output) }
        try await channel.closeFuture.get()
    }
}
