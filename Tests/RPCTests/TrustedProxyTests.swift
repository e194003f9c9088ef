// Which peers are trusted proxies, and which address is taken from what they forward.

import NIOCore
import Testing

@testable import RPC

@Suite struct TrustedProxyTests {
    private func peer(_ address: String, names: [String] = []) throws -> Peer {
        let identity = names.first.map {
            Peer.Identity(commonName: $0, alternativeNames: Array(names.dropFirst()))
        }
        return Peer(
            address: try SocketAddress(ipAddress: address, port: 4711), identity: identity, connection: 1)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false),
        ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false), ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "2001:db8::1", false), ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false), ("2001:db8::/64", "2001:db8:0:0:1::1", true),
        ("2001:db8::1:0/112", "2001:db8::1:7", true), ("2001:db8::1:0/112", "2001:db8::2:7", false),
        ("uid:0", "127.0.0.1", false), ("name:gateway", "127.0.0.1", false),
    ])
    func `a network includes its addresses`(proxy: String, address: String, isTrusted: Bool) throws {
        #expect(try #require(TrustedProxy(proxy)).includes(peer(address)) == isTrusted)
    }

    @Test func `a user is trusted on a Unix socket, a name with its certificate`() throws {
        let user = try #require(TrustedProxy("uid:1000"))
        #expect(user.includes(Peer(address: nil, userID: 1000, connection: 1)))
        #expect(!user.includes(Peer(address: nil, userID: 1001, connection: 1)))
        #expect(!user.includes(Peer(address: nil, userID: nil, connection: 1)))
        let name = try #require(TrustedProxy("name:gateway.example.org"))
        #expect(name.includes(try peer("192.0.2.1", names: ["gateway.example.org"])))
        #expect(name.includes(try peer("192.0.2.1", names: ["x", "dns:GATEWAY.example.org"])))
        #expect(!name.includes(try peer("192.0.2.1", names: ["x", "email:gateway.example.org"])))
    }

    @Test(arguments: [
        "", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "::/129", "uid:", "uid:-1", "name:", "gateway",
    ])
    func `what is no proxy is refused`(text: String) {
        #expect(TrustedProxy(text) == nil)
    }

    @Test(arguments: [
        (["192.0.2.7"], "192.0.2.7"), (["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        (["198.51.100.1", "192.0.2.7 "], "192.0.2.7"), (["192.0.2.7:8080"], "192.0.2.7"),
        (["[2001:db8::1]:443"], "2001:db8:0:0:0:0:0:1"), (["2001:db8::1"], "2001:db8:0:0:0:0:0:1"),
        (["192.0.2.7, unknown"], nil), (["192.0.2.7, "], nil), ([""], nil), ([], nil),
    ])
    func `the last entry is the address`(values: [String], address: String?) {
        var metadata = Metadata()
        for value in values { metadata.append(value, for: "X-Forwarded-For") }
        #expect(ClientAddress(forwardedIn: metadata)?.description == address)
    }
}
