// Connections through a load balancer that passes bytes on and says where they come from.

import Foundation
import NIOCore
import ProtobufC
import RPCMessages
import TTRPCMessages
import TestRPC
import TestWaiting
import Testing

@testable import RPC
@testable import TTRPC

@Suite struct ProxyProtocolTests {
    private static let tcp = Address.tcp(host: "127.0.0.1", port: 0)

    private var configuration: ServerConfiguration {
        get throws {
            var configuration = ServerConfiguration.patient
            configuration.proxyProtocolPeers = [try #require(TrustedProxy("127.0.0.0/8"))]
            configuration.maximumConnectionsPerAddress = 2
            return configuration
        }
    }

    private func connect(
        _ server: TestServer, from host: String, port: UInt16 = 4711
    ) async throws -> RawPeer {
        let peer = try await RawPeer.connect(to: server.address)
        try await peer.send(ProxyHeaderTests.header(from: host, port: port))
        return peer
    }

    private func origin(_ peer: RawPeer, _ streamID: UInt32) async throws -> String {
        try await peer.sendRequest(streamID, .test(TestMethods.origin))
        return try HealthCheckRequest(decoding: try await peer.nextResponse(on: streamID).payload).service
    }

    @Test func `calls count for the address in the header`() async throws {
        try await TestServer.with(configuration, listeningOn: Self.tcp) { server in
            let (first, second) = (
                try await connect(server, from: "192.0.2.7"), try await connect(server, from: "192.0.2.8")
            )
            #expect(try await origin(first, 1) == "192.0.2.7")
            #expect(try await origin(second, 1) == "192.0.2.8")
            #expect(try await origin(first, 3) == "192.0.2.7")
        }
    }

    @Test func `header and request may come in one piece or byte by byte`() async throws {
        try await TestServer.with(configuration, listeningOn: Self.tcp) { server in
            let bytes =
                try ProxyHeaderTests.header(from: "192.0.2.7")
                + Array(
                    buffer: RawPeer.frame(1, 1, body: TTRPCRequest.test(TestMethods.origin).encoded()))
            for size in [bytes.count, 1, 29] {
                let peer = try await RawPeer.connect(to: server.address)
                for start in stride(from: 0, to: bytes.count, by: size) {
                    try await peer.send(Array(bytes[start..<min(start + size, bytes.count)]))
                }
                let answer = try await peer.nextResponse(on: 1)
                #expect(try HealthCheckRequest(decoding: answer.payload).service == "192.0.2.7")
                try await peer.close()
            }
        }
    }

    @Test func `connections are limited by the address in the header and not by the balancer's`() async throws
    {
        try await TestServer.with(configuration, listeningOn: Self.tcp) { server in
            var peers: [RawPeer] = []
            for host in 1...20 {
                for _ in 0..<2 {
                    let peer = try await connect(server, from: "192.0.2.\(host)")
                    try await peer.expectGoodCall(on: 1)
                    peers.append(peer)
                }
            }
            try await connect(server, from: "192.0.2.1").expectClosed()
            for peer in peers { try await peer.expectGoodCall(on: 3) }
            // The balancer's own checks have no limit of an address either.
            for _ in 0..<3 {
                let peer = try await RawPeer.connect(to: server.address)
                try await peer.send(ProxyHeaderTests.header(command: 0x20, family: 0, block: []))
                #expect(try await origin(peer, 1) == "127.0.0.1")
                peers.append(peer)
            }
            // One that has closed makes room.
            try await peers[0].close()
            try await eventually("the place is free") {
                let peer = try await connect(server, from: "192.0.2.1")
                try await peer.sendRequest(1, .healthCheck)
                guard case .frame = try await peer.nextEvent() else { return false }
                peers.append(peer)
                return true
            }
        }
    }

    @Test func `a balancer that sends no header, or half of one, is closed`() async throws {
        var configuration = try configuration
        configuration.handshakeTime = .milliseconds(50)
        try await TestServer.with(configuration, listeningOn: Self.tcp) { server in
            let plain = try await RawPeer.connect(to: server.address)
            try await plain.sendRequest(1, .healthCheck)
            try await plain.expectClosed()
            let half = try await RawPeer.connect(to: server.address)
            try await half.send(Array(ProxyHeaderTests.header(from: "192.0.2.7").dropLast()))
            try await half.expectClosed()
            #expect(server.log.all.contains { $0.contains("no PROXY header from a load balancer") })
        }
    }

    @Test func `from others a header is no header`() async throws {
        var configuration = try configuration
        configuration.proxyProtocolPeers = [try #require(TrustedProxy("192.0.2.0/24"))]
        try await TestServer.with(configuration, listeningOn: Self.tcp) { server in
            let peer = try await RawPeer.connect(to: server.address)
            #expect(try await origin(peer, 1) == "127.0.0.1")
            try await connect(server, from: "192.0.2.7").expectClosed()
        }
    }
}
