// Listening: addresses, socket files, and what is said when it does not work.

import Foundation
import Logging
import NIOCore
import NIOPosix
import RPCMessages
import TTRPCMessages
import TestRPC
import TestWaiting
import Testing

@testable import RPC
@testable import TTRPC

struct ListenTests {
    private func server(_ configuration: ServerConfiguration = ServerConfiguration()) -> Server {
        Server(
            router: Router(), wire: .ttrpc, configuration: configuration,
            group: .singletonMultiThreadedEventLoopGroup,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.posixPermissions] as? Int)
    }

    @Test(arguments: [Address.tcp(host: "127.0.0.1", port: 0), .tcp(host: "localhost", port: 0)])
    func `a TCP port that the system chose is returned and serves`(address: Address) async throws {
        try await TestServer.with(listeningOn: address) { server in
            guard case .tcp(_, let port) = server.address else { return #expect(Bool(false)) }
            #expect(port > 0)
            try await RawPeer.connect(to: server.address).expectGoodCall(on: 1)
        }
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/net/if_inet6")))
    func `an IPv6 address serves`() async throws {
        try await TestServer.with(listeningOn: .tcp(host: "::1", port: 0)) { server in
            #expect(server.address.description.hasPrefix("tcp:[::1]:"))
            try await RawPeer.connect(to: server.address).expectGoodCall(on: 1)
        }
    }

    @Test func `a socket is open to its owner and group only, and removed at the end`() async throws {
        let path = TestServer.temporaryPath()
        let server = server()
        _ = try await server.listen(on: .unix(path: path))
        #expect(try mode(path) == 0o660)
        await server.shutdown()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `the socket of a process that is gone is replaced`() async throws {
        let path = TestServer.temporaryPath()
        // A socket that is bound and whose descriptor is closed is what a killed process leaves.
        let (descriptor, _) = try UnixSocket.listening(at: path)
        close(descriptor)
        try await TestServer.with(listeningOn: .unix(path: path)) { server in
            try await RawPeer.connect(to: server.address).expectGoodCall(on: 1)
        }
    }

    @Test func `the socket of a living server is left to it`() async throws {
        try await TestServer.with { living in
            let other = server()
            let error = await #expect(throws: ListenError.self) { try await other.listen(on: living.address) }
            #expect(error?.reason == "address in use: another process listens there")
            await other.shutdown()
            try await RawPeer.connect(to: living.address).expectGoodCall(on: 1)
        }
    }

    @Test func `a file that is not a socket is not removed`() async throws {
        let path = TestServer.temporaryPath()
        try "precious".write(toFile: path, atomically: true, encoding: .utf8)
        let error = await #expect(throws: ListenError.self) {
            try await server().listen(on: .unix(path: path))
        }
        #expect(error?.reason == "a file that is not a socket is in the way")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
        try FileManager.default.removeItem(atPath: path)
    }

    @Test func `a socket that another process put in place is not removed at the end`() async throws {
        let path = TestServer.temporaryPath()
        let server = server()
        _ = try await server.listen(on: .unix(path: path))
        try FileManager.default.removeItem(atPath: path)
        let (descriptor, _) = try UnixSocket.listening(at: path)
        await server.shutdown()
        #expect(FileManager.default.fileExists(atPath: path))
        close(descriptor)
        try FileManager.default.removeItem(atPath: path)
    }

    @Test(arguments: [
        (Address.unix(path: "/no/such/directory/socket"), "no such directory"),
        (.unix(path: "/etc/hostname/socket"), "not a directory"),
        (.unix(path: "/tmp/" + String(repeating: "x", count: 120)), "File name too long"),
        (.tcp(host: "no-such-host.invalid", port: 0), "unknown host"),
        (.tcp(host: "192.0.2.1", port: 0), "no network interface"),
    ])
    func `what stands against an address is said in one line`(address: Address, reason: String) async {
        let error = await #expect(throws: ListenError.self) { try await server().listen(on: address) }
        #expect(error?.reason.contains(reason) == true, "\(error?.description ?? "")")
        #expect(error?.description.hasPrefix("cannot listen on \(address): ") == true)
    }

    @Test func `a TCP port in use is said to be so`() async throws {
        try await TestServer.with(listeningOn: .tcp(host: "127.0.0.1", port: 0)) { living in
            let error = await #expect(throws: ListenError.self) {
                try await server().listen(on: living.address)
            }
            #expect(error?.reason.hasPrefix("address in use") == true)
        }
    }

    @Test func `a connection over the limit is closed and makes room when another ends`() async throws {
        var configuration = ServerConfiguration()
        configuration.maximumConnections = 2
        try await TestServer.with(configuration) { server in
            let first = try await RawPeer.connect(to: server.address)
            try await first.expectGoodCall(on: 1)
            let second = try await RawPeer.connect(to: server.address)
            try await second.expectGoodCall(on: 1)
            try await RawPeer.connect(to: server.address).expectClosed()
            try await first.close()
            try await eventually("room for another") {
                let peer = try await RawPeer.connect(to: server.address)
                try? await peer.sendRequest(1, .healthCheck)
                return (try? await peer.nextFrame()) != nil
            }
            try await second.expectGoodCall(on: 3)
        }
    }

    @Test func `the TCP connections of one address are limited, those of Unix sockets are not`() async throws
    {
        var configuration = ServerConfiguration()
        configuration.maximumConnectionsPerAddress = 1
        try await TestServer.with(configuration) { server in
            let tcp = try await server.server.listen(on: .tcp(host: "127.0.0.1", port: 0))
            let first = try await RawPeer.connect(to: tcp)
            try await first.expectGoodCall(on: 1)
            try await RawPeer.connect(to: tcp).expectClosed()
            for _ in 0..<3 { try await RawPeer.connect(to: server.address).expectGoodCall(on: 1) }
            try await first.expectGoodCall(on: 3)
        }
    }
}
