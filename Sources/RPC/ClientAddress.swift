// Where a call comes from, as limits, throttles and records know it: an IP address, or the user of a process on this
// machine. Whoever has one IPv6 address mostly has a whole network of 2^64 of them, so they are counted by network.

internal import Glibc

/// The origin of a call, without a port.
public enum ClientAddress: Sendable, Hashable, CustomStringConvertible {
    /// An IPv4 address in host order.
    case ipv4(UInt32)
    /// An IPv6 address in host order: its network (/64) and the interface in it.
    case ipv6(network: UInt64, interface: UInt64)
    /// The user id of a process that is connected through a Unix socket.
    case user(UInt32)
    /// A process that is connected through a Unix socket, of which the kernel does not tell the user.
    case unknownUser

    /// Reads a literal IP address; nil for anything else. An IPv4 address in the IPv6 form `::ffff:…` is that IPv4
    /// address, and a zone (`%eth0`) is left out.
    public init?(literal text: some StringProtocol) {
        let text = String(text.prefix { $0 != "%" })
        var ipv4 = in_addr()
        if inet_pton(AF_INET, text, &ipv4) == 1 {
            self = .ipv4(UInt32(bigEndian: ipv4.s_addr))
            return
        }
        var ipv6 = in6_addr()
        guard inet_pton(AF_INET6, text, &ipv6) == 1 else { return nil }
        let (network, interface) = withUnsafeBytes(of: &ipv6) {
            (
                UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        let isMappedIPv4 = network == 0 && interface >> 32 == 0xFFFF
        self =
            isMappedIPv4
            ? .ipv4(UInt32(truncatingIfNeeded: interface)) : .ipv6(network: network, interface: interface)
    }

    /// Whether it is an IP address.
    var isOfNetwork: Bool {
        switch self {
        case .ipv4, .ipv6: true
        case .user, .unknownUser: false
        }
    }

    /// What limits count by: the address itself, or all addresses of its IPv6 network.
    public var network: ClientAddress {
        if case .ipv6(let network, _) = self { .ipv6(network: network, interface: 0) } else { self }
    }

    /// The literal address, or `uid:1000`.
    public var description: String {
        switch self {
        case .ipv4(let number):
            [24, 16, 8, 0].map { "\(number >> $0 & 0xFF)" }.joined(separator: ".")
        case .ipv6(let network, let interface):
            [network, interface].flatMap { half in
                [48, 32, 16, 0].map { String(half >> $0 & 0xFFFF, radix: 16) }
            }.joined(separator: ":")
        case .user(let id): "uid:\(id)"
        case .unknownUser: "uid:unknown"
        }
    }
}
