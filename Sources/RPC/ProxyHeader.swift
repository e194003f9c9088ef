// The PROXY protocol, version 2 (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt): a load balancer that passes bytes
// on without reading them says in front of them where they come from. The header is bounded and nothing behind it is read.

/// What a load balancer says about a connection, in the bytes in front of it.
package struct ProxyHeader: Sendable, Hashable {
    /// The other end of the balancer's connection.
    package struct Source: Sendable, Hashable {
        /// Its address.
        package let address: ClientAddress
        /// Its port.
        package let port: Int
    }

    /// What the bytes so far are.
    package enum Reading: Sendable, Hashable {
        /// The beginning of a header.
        case unfinished
        /// A whole header of this many bytes.
        case header(ProxyHeader, byteCount: Int)
        /// No header, or one that may not be.
        case malformed
    }

    /// Where the bytes come from; nil when the balancer speaks for itself, as in its health checks, or does not know.
    package let source: Source?

    /// The longest header: the addresses and what a balancer adds to them.
    package static let maximumByteCount = 2_048

    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    /// Signature, version and command, family, length.
    private static let fixedByteCount = 16

    /// Reads the bytes at the beginning of a connection.
    package static func read(_ bytes: some RandomAccessCollection<UInt8>) -> Reading {
        let start = Array(bytes.prefix(fixedByteCount))
        guard start.starts(with: signature.prefix(start.count)) else { return .malformed }
        guard start.count == fixedByteCount else { return .unfinished }
        let (version, command) = (start[12] >> 4, start[12] & 0x0F)
        let (family, transport) = (start[13] >> 4, start[13] & 0x0F)
        let length = Int(start[14]) << 8 | Int(start[15])
        guard version == 2, command <= 1, family <= 3, transport <= 2,
            fixedByteCount + length <= maximumByteCount
        else { return .malformed }
        let byteCount = fixedByteCount + length
        guard bytes.count >= byteCount else { return .unfinished }
        let block = Array(bytes.dropFirst(fixedByteCount).prefix(length))
        // The balancer's own connection, or one of a kind without an address.
        guard command == 1, transport == 1, family == 1 || family == 2 else {
            return .header(ProxyHeader(source: nil), byteCount: byteCount)
        }
        guard let source = family == 1 ? ipv4(block) : ipv6(block) else { return .malformed }
        return .header(ProxyHeader(source: source), byteCount: byteCount)
    }

    /// Two addresses of 4 bytes and two ports; the first of each is the source.
    private static func ipv4(_ block: [UInt8]) -> Source? {
        guard block.count >= 12 else { return nil }
        let address = block[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return Source(address: .ipv4(address), port: Int(block[8]) << 8 | Int(block[9]))
    }

    /// Two addresses of 16 bytes and two ports. An IPv4 address in the form `::ffff:…` is that IPv4 address.
    private static func ipv6(_ block: [UInt8]) -> Source? {
        guard block.count >= 36 else { return nil }
        let network = block[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let interface = block[8..<16].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let address: ClientAddress =
            network == 0 && interface >> 32 == 0xFFFF
            ? .ipv4(UInt32(truncatingIfNeeded: interface)) : .ipv6(network: network, interface: interface)
        return Source(address: address, port: Int(block[32]) << 8 | Int(block[33]))
    }
}
