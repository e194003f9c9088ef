// A connection whose other end is gone without a FIN (an unplugged cable, a machine without power, a firewall that lost
// its state) looks idle. TCP keepalive probes an idle connection; the user timeout bounds how long sent bytes may stay
// unacknowledged, which by default is about a quarter of an hour. Both are set so that a dead connection is closed after
// 30 seconds. The options and their units are those of tcp(7).

internal import Glibc
package import NIOCore
package import NIOPosix

/// How soon a client notices that its connection is dead.
package enum TCPKeepalive {
    /// The options with their values; Linux closes an idle connection by the user timeout too, once that is set.
    package static let options: [(option: ChannelOptions.Types.SocketOption, value: SocketOptionValue)] = [
        (.socketOption(.so_keepalive), 1),
        // Seconds of silence before the first probe, seconds between probes, and probes without an answer.
        (.tcpOption(.init(rawValue: TCP_KEEPIDLE)), 15),
        (.tcpOption(.init(rawValue: TCP_KEEPINTVL)), 5),
        (.tcpOption(.init(rawValue: TCP_KEEPCNT)), 3),
        // Milliseconds.
        (.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), 30_000),
    ]
}

extension ClientBootstrap {
    /// Closes a TCP connection whose other end is gone.
    package func usingTCPKeepalive() -> ClientBootstrap {
        TCPKeepalive.options.reduce(self) { $0.channelOption($1.option, value: $1.value) }
    }
}
