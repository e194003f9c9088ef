// Callers behind a load balancer that passes bytes on: it says where they come from, also in front of TLS.

import ClinicClient
import ClinicMessages
import Foundation
import RPC
import RPCMessages
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct BalancerTests {
    /// A balancer in short: for each address it listens on a port of its own, and begins each connection to the server with a
    /// PROXY header that names the address.
    private static let balancer = """
        import asyncio, ipaddress, sys
        target = int(sys.argv[1])
        async def pump(reader, writer):
            try:
                while data := await reader.read(65536):
                    writer.write(data); await writer.drain()
                writer.write_eof()
            except OSError: pass
        async def pass_on(address, reader, writer):
            inward, outward = await asyncio.open_connection('127.0.0.1', target)
            block = ipaddress.ip_address(address).packed + bytes([127, 0, 0, 1]) + bytes([0x12, 0x67, 0x1c, 0xf3])
            outward.write(b'\\r\\n\\r\\n\\0\\r\\nQUIT\\n\\x21\\x11' + len(block).to_bytes(2, 'big') + block)
            ways = [asyncio.ensure_future(pump(reader, outward)), asyncio.ensure_future(pump(inward, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            outward.close(); writer.close()
        async def main():
            for address in sys.argv[2:]:
                server = await asyncio.start_server(lambda r, w, a=address: pass_on(a, r, w), '127.0.0.1', 0)
                print(address, server.sockets[0].getsockname()[1], flush=True)
            await asyncio.Event().wait()
        asyncio.run(main())
        """

    /// Starts a balancer before a port; returns it with its ports, one for each address.
    private func balance(_ port: Int, _ addresses: [String]) async throws -> (Program, [Int]) {
        let program = try Program(
            commandLine: ["/usr/bin/python3", "-c", Self.balancer, "\(port)"] + addresses,
            environment: ["PATH": "/usr/bin:/bin"])
        var ports: [Int] = []
        for address in addresses {
            let line = try await program.line(with: address + " ")
            ports.append(try #require(line.split(separator: " ").last.flatMap { Int($0) }))
        }
        return (program, ports)
    }

    private func port(_ line: String) throws -> Int {
        try #require(line.split(separator: ":").last.flatMap { Int($0) })
    }

    @Test func `wrong passwords from one address do not slow another behind the same balancer`() async throws
    {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving([
            "--listen", "tcp:127.0.0.1:0", "--proxy-protocol-from", "127.0.0.1",
            "--max-connections-per-address", "1",
        ]) { daemon in
            let server = try port(try await daemon.line(with: "listening on tcp:127.0.0.1:"))
            let (balancer, ports) = try await balance(server, ["192.0.2.1", "192.0.2.2"])
            defer { balancer.signal(SIGTERM) }
            _ = try await clinic.signUp("ann@example.org")
            let clients = ports.map { clinic.client(of: .tcp(host: "127.0.0.1", port: $0)) }
            func logIn(_ client: ClinicClient, _ password: String) async throws -> String? {
                try await status {
                    _ = try await client.call(
                        UserServiceMethods.login, LoginRequest(email: "ann@example.org", password: password))
                }?.errorInfo?.reason
            }
            for _ in 0..<3 { #expect(try await logIn(clients[0], "wrong password") == "WRONG_CREDENTIALS") }
            try await eventually("wrong passwords are slowed down") {
                try await logIn(clients[0], "wrong password") == "LOGIN_THROTTLED"
            }
            #expect(try await logIn(clients[1], Installation.password) == nil)
            // One connection of each address is open, and another of one of them is refused.
            let third = clinic.client(of: .tcp(host: "127.0.0.1", port: ports[0]))
            let refused = try await status {
                _ = try await third.call(HealthMethods.check, HealthCheckRequest())
            }
            #expect(refused?.code == .unavailable)
            #expect(try await logIn(clients[1], Installation.password) == nil)
        }
    }

    @Test func `the header stands in front of TLS`() async throws {
        let clinic = try await Installation.withDatabase()
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "certificates").path
        let folder = clinic.directory + "/certificates"
        let made = try await Program(
            commandLine: ["/bin/bash", script, folder], environment: ["PATH": "/usr/bin:/bin"]
        ).end()
        try #require(made.status == 0)
        try await clinic.serving([
            "--listen", "tls:127.0.0.1:0", "--tls-cert", folder + "/server.pem", "--tls-key",
            folder + "/server.key", "--proxy-protocol-from", "127.0.0.0/8",
        ]) { daemon in
            let server = try port(try await daemon.line(with: "listening on tls:127.0.0.1:"))
            let (balancer, ports) = try await balance(server, ["192.0.2.1"])
            defer { balancer.signal(SIGTERM) }
            func health(_ port: Int) async throws -> Program.Ending {
                try await Program.run(
                    "clinic",
                    [
                        "health", "--address", "tls:127.0.0.1:\(port)", "--ca", folder + "/ca.pem",
                        "--timeout", "5",
                    ])
            }
            let through = try await health(ports[0])
            #expect(through.status == 0, "\(through)")
            // Directly from there it lacks the header.
            #expect(try await health(server).status != 0)
        }
    }
}
