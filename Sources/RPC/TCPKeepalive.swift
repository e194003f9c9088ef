// A connection whose other end disappeared without a FIN (an unplugged cable, a power failure, a firewall that lost its state) looks
// idle. TCP keepalive probes an idle connection; the user timeout limits how long sent bytes may stay unacknowledged, by default
// about 15 minutes. Both are set so that a dead connection is closed after
// 30 seconds. The options and their units are those of tcp(7).

internal import Glibc
package import NIOCore
package import NIOPosix

/// The socket options by which dead connections are detected.
package enum TCPKeepalive {
    /// The options with their values; Linux closes an idle connection by the user timeout too, once that is set.
    package static let options: [(option: ChannelOptions.Types.SocketOption, value: SocketOptionValue)] = [
        (.socketOption(.so_keepalive), 1),
        // Idle seconds before the first probe, seconds between probes, and the number of unanswered probes.
        (.tcpOption(.init(rawValue: TCP_KEEPIDLE)), 15),
        (.tcpOption(.init(rawValue: TCP_KEEPINTVL)), 5),
        (.tcpOption(.init(rawValue: TCP_KEEPCNT)), 3),
        // Milliseconds.
        (.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), 30_000),
    ]
}

extension ClientBootstrap {
    /// Sets the options on a TCP socket.
    package func usingTCPKeepalive() -> ClientBootstrap {
        TCPKeepalive.options.reduce(self) { $0.channelOption($1.option, value: $1.value) }
    }
}
