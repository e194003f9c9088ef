// Where a server listens and a client connects, in the one notation that options, log lines and errors share:
// `unix:PATH`, `tcp:HOST:PORT` or `tls:HOST:PORT`. Every program parses it here, so that all
// report a bad address in the same way. How a `tls:` address is secured is given by a `ChannelSecurity`.

/// A place to listen on or to connect to.
public enum Address: Sendable, Hashable, CustomStringConvertible {
    /// A Unix socket; the path is at most 107 bytes long, the limit of the kernel.
    case unix(path: String)
    /// A TCP port; the host is a name or a literal address, IPv6 without its brackets.
    case tcp(host: String, port: Int)
    /// A TCP port that is used only with a `ChannelSecurity`; host and port as above.
    case tls(host: String, port: Int)

    /// The longest path of a Unix socket in bytes (`sun_path` of Linux less its final NUL).
    public static let maximumPathBytes = 107

    /// Reads `unix:PATH`, `tcp:HOST:PORT` or `tls:HOST:PORT`, an IPv6 host in brackets; throws what is wrong with any
    /// other text.
    public init(parsing text: String) throws(AddressError) {
        if text.hasPrefix("unix:") {
            self = .unix(path: try Self.path(text.dropFirst(5), in: text))
        } else if text.hasPrefix("tcp:") {
            let (host, port) = try Self.hostAndPort(text.dropFirst(4), in: text)
            self = .tcp(host: host, port: port)
        } else if text.hasPrefix("tls:") {
            let (host, port) = try Self.hostAndPort(text.dropFirst(4), in: text)
            self = .tls(host: host, port: port)
        } else {
            throw AddressError(text, "an address is unix:PATH, tcp:HOST:PORT or tls:HOST:PORT")
        }
    }

    /// The notation that `init(parsing:)` reads.
    public var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): "tcp:\(Self.text(host, port))"
        case .tls(let host, let port): "tls:\(Self.text(host, port))"
        }
    }

    private static func text(_ host: String, _ port: Int) -> String {
        host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    private static func path(_ path: Substring, in text: String) throws(AddressError) -> String {
        guard !path.isEmpty else { throw AddressError(text, "the path is missing after unix:") }
        guard !path.utf8.contains(0) else { throw AddressError(text, "a path cannot hold a NUL") }
        guard path.utf8.count <= maximumPathBytes else {
            throw AddressError(text, "the path of a Unix socket is at most \(maximumPathBytes) bytes long")
        }
        return String(path)
    }

    private static func hostAndPort(
        _ rest: Substring, in text: String
    ) throws(AddressError) -> (host: String, port: Int) {
        guard let colon = rest.lastIndex(of: ":"), !rest.hasSuffix("]") else {
            throw AddressError(text, "the port is missing: \(text.prefix(3)):HOST:PORT")
        }
        var host = rest[..<colon]
        let digits = rest[rest.index(after: colon)...]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw AddressError(text, "an IPv6 address goes in brackets: \(text.prefix(3)):[::1]:7411")
        }
        guard !host.isEmpty, !host.utf8.contains(0) else {
            throw AddressError(text, "the host is missing: \(text.prefix(3)):HOST:PORT")
        }
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(digits)
        else {
            throw AddressError(text, "the port is a number from 0 to 65535")
        }
        return (String(host), Int(port))
    }
}

/// Why a text is not an address, as one line for a person.
public struct AddressError: Error, Hashable, CustomStringConvertible {
    /// The text that was given.
    public let text: String
    /// What is wrong with it.
    public let reason: String

    init(_ text: String, _ reason: String) {
        self.text = text
        self.reason = reason
    }

    /// The text and the reason in one line.
    public var description: String { "\(text): \(reason)" }
}
