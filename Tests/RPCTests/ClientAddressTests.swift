// Addresses of callers, as limits count by them.

import Testing

@testable import RPC

@Suite struct ClientAddressTests {
    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8:0:0:0:0:0:1"), ("fe80::1%eth0", "fe80:0:0:0:0:0:0:1"),
    ])
    func `an address is read in each of its forms`(text: String, written: String) throws {
        let address = try #require(ClientAddress(literal: text))
        #expect("\(address)" == written)
        #expect(ClientAddress(literal: written) == address)
    }

    @Test(arguments: ["", "localhost", "192.0.2", "192.0.2.7:80", "[::1]", "2001:db8::1, 192.0.2.7", "\0"])
    func `what is no literal address is none`(text: String) {
        #expect(ClientAddress(literal: text) == nil)
    }

    @Test func `the addresses of one IPv6 network count as one`() throws {
        let first = try #require(ClientAddress(literal: "2001:db8:1:2::1"))
        let second = try #require(ClientAddress(literal: "2001:db8:1:2:ffff::9"))
        let neighbour = try #require(ClientAddress(literal: "2001:db8:1:3::1"))
        #expect(first != second)
        #expect(first.network == second.network)
        #expect(first.network != neighbour.network)
    }

    @Test func `the users of a Unix socket count each for themselves`() {
        #expect(ClientAddress(nil, userID: 1000) != ClientAddress(nil, userID: 1001))
        #expect("\(ClientAddress(nil, userID: 1000))" == "uid:1000")
        #expect("\(ClientAddress(nil, userID: nil))" == "uid:unknown")
    }
}
