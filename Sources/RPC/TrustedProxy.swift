// Proxies whose word on the origin of a call is believed: behind a gateway all callers have its address, so it says in the
// metadata `x-forwarded-for` where each call comes from. Anybody else could claim any address.

/// A peer that may say where its calls come from.
public enum TrustedProxy: Sendable, Hashable, CustomStringConvertible {
    /// Peers in an IP network: an address, and how many of its first bits count.
    case network(ClientAddress, prefixLength: Int)
    /// Processes of a user of this machine, through a Unix socket.
    case user(UInt32)
    /// Peers whose verified certificate has this common name, DNS name or URI.
    case name(String)

    /// Reads `10.0.0.0/8`, `192.0.2.1`, `uid:1000` or `name:gateway`; nil for anything else.
    public init?(_ text: String) {
        if text.hasPrefix("uid:") {
            guard let id = UInt32(text.dropFirst(4)) else { return nil }
            self = .user(id)
            return
        }
        if text.hasPrefix("name:") {
            guard text.utf8.count > 5 else { return nil }
            self = .name(String(text.dropFirst(5)))
            return
        }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = ClientAddress(literal: first) else { return nil }
        let longest = address.bitCount
        guard let length = parts.count == 2 ? Int(parts[1]) : longest, (0...longest).contains(length) else {
            return nil
        }
        self = .network(address, prefixLength: length)
    }

    /// As `init(_:)` reads it.
    public var description: String {
        switch self {
        case .network(let address, let length): "\(address)/\(length)"
        case .user(let id): "uid:\(id)"
        case .name(let name): "name:\(name)"
        }
    }

    /// Whether a peer is this one.
    func includes(_ peer: Peer) -> Bool {
        switch self {
        case .network, .user: includes(peer.address)
        case .name(let name): peer.identity?.isOne(of: [name]) ?? false
        }
    }

    /// Whether a peer is this one by its address alone.
    func includes(_ address: ClientAddress) -> Bool {
        switch self {
        case .network(let network, let length): address.hasPrefix(length, of: network)
        case .user(let id): address == .user(id)
        case .name: false
        }
    }
}

extension ClientAddress {
    fileprivate var bitCount: Int { if case .ipv4 = self { 32 } else { 128 } }

    /// Whether the first bits are those of another address of the same kind.
    fileprivate func hasPrefix(_ length: Int, of other: ClientAddress) -> Bool {
        switch (self, other) {
        case (.ipv4(let own), .ipv4(let other)):
            length == 0 || (own ^ other) >> (32 - length) == 0
        case (.ipv6(let network, let interface), .ipv6(let otherNetwork, let otherInterface)):
            (length == 0 || (network ^ otherNetwork) >> max(64 - length, 0) == 0)
                && (length <= 64 || (interface ^ otherInterface) >> (128 - length) == 0)
        default: false
        }
    }

    /// The address in the last entry of `x-forwarded-for`, which is what the proxy itself has seen: those before it are what
    /// it was told. A port is left out. Nil if there is none, or no literal address.
    init?(forwardedIn metadata: Metadata) {
        guard let value = metadata.last("x-forwarded-for") else { return nil }
        let entry = value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).last ?? []
        // The longest is an IPv6 address with a zone and a port.
        guard entry.count <= 80 else { return nil }
        var text = String(decoding: entry, as: UTF8.self)[...]
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        if text.first == "[", let end = text.firstIndex(of: "]") {
            text = text[text.index(after: text.startIndex)..<end]
        } else if text.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 1,
            let colon = text.firstIndex(of: ":")
        {
            text = text[..<colon]
        }
        self.init(literal: text)
    }
}
