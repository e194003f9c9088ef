// Calls that come through proxies: those of a trusted one count where it says that they come from, of others it is ignored.

import ClinicServer
import Glibc
import ProtobufC
import RPC
import RPCMessages
import TTRPC
import Testing

@Suite struct TrustedProxyTests {
    private typealias Watch = ResponseStream<HealthCheckResponse>.Iterator

    /// Begins watches, one after the other, until one is refused as OVERLOADED; returns those that got a status.
    private func watches(of session: Session, forwarding entries: String?, atMost count: Int) async throws
        -> [Watch]
    {
        var open: [Watch] = []
        for _ in 0..<count {
            var watch = session.client.serverStream(
                HealthMethods.watch, HealthCheckRequest(),
                metadata: entries.map { ["x-forwarded-for": $0] } ?? [:]
            ).makeAsyncIterator()
            do {
                #expect(try await watch.next()?.status == .serving)
                open.append(watch)
            } catch {
                #expect(error.errorInfo?.reason == "OVERLOADED")
                break
            }
        }
        return open
    }

    @Test func `calls through a trusted proxy count under the last address that it forwards`() async throws {
        let proxy = try #require(TrustedProxy("127.0.0.2/32"))
        try await withClinic(configure: {
            $0.transport.maximumStreams = 8
            $0.transport.trustedProxies = [proxy]
        }) { clinic in
            let gateway = try await clinic.connect(from: "127.0.0.2")
            var held = [try await watches(of: gateway, forwarding: "192.0.2.1", atMost: 10)]
            // Whoever is in front of the proxy can claim what it likes in the first entries.
            held.append(try await watches(of: gateway, forwarding: "192.0.2.3, 192.0.2.1", atMost: 1))
            held.append(try await watches(of: gateway, forwarding: "192.0.2.1, 192.0.2.2", atMost: 3))
            held.append(try await watches(of: gateway, forwarding: nil, atMost: 3))
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
            var held = [try await watches(of: liar, forwarding: "192.0.2.1", atMost: 5)]
            held.append(try await watches(of: liar, forwarding: "192.0.2.2", atMost: 8))
            #expect(held.map(\.count) == [5, 3])
            let other = try await clinic.connect(from: "127.0.0.4")
            held.append(try await watches(of: other, forwarding: "192.0.2.1", atMost: 8))
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
            var held = [try await watches(of: gateway, forwarding: "192.0.2.1", atMost: 8)]
            held.append(try await watches(of: gateway, forwarding: "2001:db8::1", atMost: 1))
            // One IPv6 network is one address.
            held.append(try await watches(of: gateway, forwarding: "2001:db8::2", atMost: 8))
            #expect(held.map(\.count) == [4, 1, 1])
        }
    }
}
