// Where the server of a URL may be: the hosts that it names, and the addresses of a name that has several. libpq goes from one
// to the next after an error only, not after silence, unless it blocks; so each address is tried by itself.

internal import Glibc

/// One place where the server of a URL may be.
struct ServerAddress: Hashable, Sendable {
    /// As the URL names it: a name, an IP address or the directory of a Unix socket; empty for libpq's default.
    let host: String
    /// The IP address, if the URL gives it or the name has several; else empty.
    var hostAddress = ""
    let port: String

    /// The parameters that keep libpq to this address; it ignores empty ones.
    var parameters: [(key: String, value: String)] {
        [("host", host), ("hostaddr", hostAddress), ("port", port)]
    }

    /// The addresses that the name has, if there are several. Blocks for name resolution.
    fileprivate var resolved: [ServerAddress] {
        guard hostAddress.isEmpty, !host.isEmpty, !host.hasPrefix("/"), !host.hasPrefix("@") else {
            return [self]
        }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0, let list else { return [self] }
        defer { freeaddrinfo(list) }
        var found: [ServerAddress] = []
        for entry in sequence(first: list, next: { $0.pointee.ai_next }) {
            var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            guard
                getnameinfo(
                    entry.pointee.ai_addr, entry.pointee.ai_addrlen, &name, socklen_t(name.count), nil, 0,
                    NI_NUMERICHOST) == 0
            else { continue }
            let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            found.append(ServerAddress(host: host, hostAddress: text, port: port))
        }
        return found.count > 1 ? found : [self]
    }
}

/// The hosts of a URL, in its order.
struct ServerList: Hashable, Sendable {
    private let hosts: [ServerAddress]

    /// Takes the settings of a URL. Throws `.unusable` if hosts and ports do not go together.
    init(_ given: [String: String]) throws(DatabaseError) {
        func list(_ key: String) -> [String] {
            guard let text = given[key], !text.isEmpty else { return [] }
            return text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
        let count = max(names.count, addresses.count, 1)
        guard [0, count].contains(names.count), [0, count].contains(addresses.count),
            [0, 1, count].contains(ports.count)
        else {
            throw DatabaseError(.unusable, "the database URL has \(count) hosts and \(ports.count) ports")
        }
        hosts = (0..<count).map { index in
            ServerAddress(
                host: names.isEmpty ? "" : names[index],
                hostAddress: addresses.isEmpty ? "" : addresses[index],
                port: ports.isEmpty ? "" : ports[ports.count == 1 ? 0 : index])
        }
    }

    /// Whether there is more than one host.
    var hasSeveral: Bool { hosts.count > 1 }

    /// All addresses of the hosts. Blocks for name resolution.
    func addresses() -> [ServerAddress] { hosts.flatMap(\.resolved) }
}
