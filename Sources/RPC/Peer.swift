// The other end of a connection, for the log and for limits per peer.

internal import NIOCore

/// The other end of a connection.
public struct Peer: Sendable, Hashable, CustomStringConvertible {
    /// The transport of the connection.
    public enum Transport: Sendable, Hashable {
        /// A Unix socket: a process on this machine that may open the socket's file.
        case unix
        /// TCP, with the literal address and the port of the other end.
        case tcp(host: String, port: Int)
    }

    /// The names in the verified certificate of the other end.
    public struct Identity: Sendable, Hashable {
        /// The common name of the certificate's subject.
        public let commonName: String?
        /// The alternative names with their kind: `dns:…`, `email:…`, `uri:…`.
        public let alternativeNames: [String]

        /// An identity for a `ChannelSecurity` to report.
        public init(commonName: String?, alternativeNames: [String]) {
            self.commonName = commonName
            self.alternativeNames = alternativeNames
        }

        /// Whether one of these names is its common name, one of its DNS names (ignoring case) or one of its URIs.
        func isOne(of names: Set<String>) -> Bool {
            if let commonName, names.contains(commonName) { return true }
            return names.contains { name in
                alternativeNames.contains {
                    $0 == "uri:\(name)" || $0.lowercased() == "dns:\(name.lowercased())"
                }
            }
        }

        /// The name for the log.
        var name: String? { commonName ?? alternativeNames.first }
    }

    /// The transport of the connection.
    public let transport: Transport
    /// The verified identity, if a `ChannelSecurity` reported one.
    public let identity: Identity?
    /// Where it is: the other end of the connection, which may be a proxy of the client.
    public let address: ClientAddress
    /// The number of the connection, counted by the server from 1.
    public let connection: UInt64

    /// The transport, the other end, and the number of the connection.
    public var description: String {
        switch transport {
        case .unix: "unix#\(connection)"
        case .tcp(let host, let port): "\(Address.tcp(host: host, port: port))#\(connection)"
        }
    }
}

extension Peer {
    /// - Parameters:
    ///   - userID: who is at the other end of a Unix socket, if the kernel tells it.
    ///   - source: where a load balancer says that the connection comes from.
    init(
        address: SocketAddress?, userID: UInt32? = nil, identity: Identity? = nil,
        source: ProxyHeader.Source? = nil, connection: UInt64
    ) {
        if let source {
            transport = .tcp(host: "\(source.address)", port: source.port)
        } else if let host = address?.ipAddress, let port = address?.port {
            transport = .tcp(host: host, port: port)
        } else {
            transport = .unix
        }
        self.address = source?.address ?? ClientAddress(address, userID: userID)
        self.identity = identity
        self.connection = connection
    }
}

extension ClientAddress {
    /// The other end of a socket; `userID` is who is there on a Unix socket, if the kernel tells it.
    init(_ address: SocketAddress?, userID: UInt32?) {
        self =
            address?.ipAddress.flatMap { ClientAddress(literal: $0) } ?? userID.map { .user($0) }
            ?? .unknownUser
    }
}
