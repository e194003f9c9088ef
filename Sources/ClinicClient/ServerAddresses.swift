// The servers of one clinic, any of which may answer a call.

public import RPC

/// The addresses of the servers of one clinic, in the order in which they are tried; at least one.
public struct ServerAddresses: Sendable, Hashable, CustomStringConvertible {
    /// The addresses in order.
    public let all: [Address]

    /// One server.
    public init(_ address: Address) { all = [address] }

    /// Reads addresses with commas between them, such as `tcp:one.example.org:7411,tcp:two.example.org:7411`. A comma
    /// inside the path of a Unix socket does not separate. Throws what is wrong with the first bad one.
    public init(parsing text: String) throws(AddressError) {
        var parts: [String] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let beginsAddress = ["unix:", "tcp:", "tls:"].contains { part.hasPrefix($0) }
            if !beginsAddress, let last = parts.last, last.hasPrefix("unix:") {
                parts[parts.count - 1] = last + "," + part
            } else {
                parts.append(String(part))
            }
        }
        var all: [Address] = []
        for part in parts { all.append(try Address(parsing: part)) }
        self.all = all
    }

    /// The notation that `init(parsing:)` reads.
    public var description: String { all.map(\.description).joined(separator: ",") }

    /// Whether one of them is a `tls:` address.
    public var useTLS: Bool {
        all.contains { address in
            if case .tls = address { true } else { false }
        }
    }
}
