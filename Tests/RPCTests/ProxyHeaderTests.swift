// The PROXY header in front of a connection: what is one, whom it names, and that it is bounded.

import Testing

@testable import RPC

@Suite struct ProxyHeaderTests {
    static func header(
        command: UInt8 = 0x21, family: UInt8 = 0x11, block: [UInt8], length: Int? = nil
    ) -> [UInt8] {
        let length = length ?? block.count
        return Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [
            command, family, UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF),
        ] + block
    }

    /// A header of a client at an IPv4 address.
    static func header(from host: String, port: UInt16 = 4711) throws -> [UInt8] {
        let address = host.split(separator: ".").compactMap { UInt8($0) }
        try #require(address.count == 4)
        return header(block: address + [127, 0, 0, 1, UInt8(port >> 8), UInt8(port & 0xFF), 0x1C, 0xF3])
    }

    private static let ipv6Block: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [7] + Array(repeating: 1, count: 16)
        + [0x12, 0x67, 0x1C, 0xF3]

    @Test func `the source is read, whatever the balancer adds to it`() throws {
        let ipv4 = try Self.header(from: "192.0.2.7")
        for (bytes, length, address) in [
            (ipv4, 28, "192.0.2.7"),
            (Self.header(block: Array(ipv4[16...]) + [4, 0, 1, 0]), 32, "192.0.2.7"),
            (Self.header(family: 0x21, block: Self.ipv6Block), 52, "2001:db8:0:0:0:0:0:7"),
            (
                Self.header(
                    family: 0x21,
                    block: Array(repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, 9]
                        + Self.ipv6Block[16...]), 52, "192.0.2.9"
            ),
        ] {
            guard case .header(let header, length) = ProxyHeader.read(bytes + [0, 1, 2]) else {
                Issue.record("\(bytes)")
                continue
            }
            #expect(header.source?.address.description == address)
            #expect(header.source?.port == 4711)
        }
    }

    @Test(
        arguments: [(0x20, 0x00), (0x20, 0x11), (0x21, 0x00), (0x21, 0x31), (0x21, 0x12)] as [(UInt8, UInt8)])
    func `a balancer that speaks for itself or of no address names nobody`(command: UInt8, family: UInt8) {
        let bytes = Self.header(command: command, family: family, block: Array(repeating: 9, count: 20))
        #expect(ProxyHeader.read(bytes) == .header(ProxyHeader(source: nil), byteCount: 36))
    }

    @Test func `a header that is cut anywhere is unfinished`() throws {
        let bytes = try Self.header(from: "192.0.2.7")
        for count in 0..<bytes.count { #expect(ProxyHeader.read(bytes.prefix(count)) == .unfinished) }
    }

    @Test func `what is no header is malformed at its first wrong byte`() throws {
        let good = try Self.header(from: "192.0.2.7")
        for index in 0..<12 {
            var bytes = good
            bytes[index] ^= 1
            for count in (index + 1)...bytes.count {
                #expect(ProxyHeader.read(bytes.prefix(count)) == .malformed, "\(index) of \(count)")
            }
        }
        for (command, family, length) in [
            (0x11, 0x11, 12), (0x22, 0x11, 12), (0x21, 0x41, 12), (0x21, 0x13, 12), (0x21, 0x11, 11),
            (0x21, 0x21, 35),
            (0x21, 0x11, 2_033), (0x21, 0x11, 65_535),
        ] as [(UInt8, UInt8, Int)] {
            let bytes = Self.header(
                command: command, family: family, block: Array(repeating: 1, count: 40), length: length)
            #expect(ProxyHeader.read(bytes) == .malformed, "\(command) \(family) \(length)")
        }
        #expect(ProxyHeader.read(Array("PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n".utf8)) == .malformed)
        #expect(ProxyHeader.read([0, 0, 0]) == .malformed)
    }
}
