// Calls that come through proxies: those of a trusted one count where it says that they come from, of others it is ignored.

import ClinicServer
import Glibc
import ProtobufC
import RPC
import RPCMessages
import TTRPC
import Testing

@Suite struct TrustedProxyTests {
    @Test func `calls through a trusted proxy count under the last address that it forwards`() async throws {
        let proxy = try #require(TrustedProxy("127.0.0.2/32"))
        try await withClinic(configure: {
            $0.transport.maximumStreams = 8
            $0.transport.trustedProxies = [proxy]
        }) { clinic in
            let gateway = try await clinic.connect(from: "127.0.0.2")
            var held = [try await gateway.healthWatches(forwarding: "192.0.2.1", atMost: 10)]
            // Whoever is in front of the proxy can claim what it likes in the first entries.
            held.append(try await gateway.healthWatches(forwarding: "192.0.2.3, 192.0.2.1", atMost: 1))
            held.append(try await gateway.healthWatches(forwarding: "192.0.2.1, 192.0.2.2", atMost: 3))
            held.append(try await gateway.healthWatches(atMost: 3))
            #expect(held.map(\.count) == [8, 0, 3, 1])
        }
    }

    @Test func `nobody else is believed`() async throws {
        let proxy = try #require(TrustedProxy("127.0.0.2/32"))
        try await withClinic(configure: {
            $0.transport.maximumStreams = 8
            $0.transport.trustedProxies = [proxy]
        }) { clinic in
            let liar = try await clinic.connect(from: "127.0.0.3")
            var held = [try await liar.healthWatches(forwarding: "192.0.2.1", atMost: 5)]
            held.append(try await liar.healthWatches(forwarding: "192.0.2.2", atMost: 8))
            #expect(held.map(\.count) == [5, 3])
            let other = try await clinic.connect(from: "127.0.0.4")
            held.append(try await other.healthWatches(forwarding: "192.0.2.1", atMost: 8))
            #expect(held[2].count == 4)
        }
    }

    @Test func `a user of the Unix socket is a trusted proxy`() async throws {
        let proxy = try #require(TrustedProxy("uid:\(getuid())"))
        try await withClinic(configure: {
            $0.transport.maximumStreams = 4
            $0.transport.trustedProxies = [proxy]
        }) { clinic in
            let gateway = try await clinic.connect()
            var held = [try await gateway.healthWatches(forwarding: "192.0.2.1", atMost: 8)]
            held.append(try await gateway.healthWatches(forwarding: "2001:db8::1", atMost: 1))
            // One IPv6 network is one address.
            held.append(try await gateway.healthWatches(forwarding: "2001:db8::2", atMost: 8))
            #expect(held.map(\.count) == [4, 1, 1])
        }
    }
}
