// A line whose other end is gone without a word (a cable, a machine without power, a firewall that forgot it) looks like
// one on which nobody speaks. TCP finds out by asking: keepalive asks on an idle line, the user timeout bounds how long
// anything sent may go unacknowledged, which TCP alone would bear for a quarter of an hour. Both are set so that a line
// is given up after 30 seconds. The options and their units are those of tcp(7).

internal import Glibc
internal import NIOCore
internal import NIOPosix

/// How soon a client notices that its line is dead.
enum HalfOpenLine {
    /// The options with their values; Linux closes an idle line by the user timeout too, once that is set.
    static let options: [(option: ChannelOptions.Types.SocketOption, value: SocketOptionValue)] = [
        (.socketOption(.so_keepalive), 1),
        // Seconds of silence before it asks, seconds between two questions, and questions without an answer.
        (.tcpOption(.init(rawValue: TCP_KEEPIDLE)), 15),
        (.tcpOption(.init(rawValue: TCP_KEEPINTVL)), 5),
        (.tcpOption(.init(rawValue: TCP_KEEPCNT)), 3),
        // Milliseconds.
        (.tcpOption(.init(rawValue: TCP_USER_TIMEOUT)), 30_000),
    ]
}

extension ClientBootstrap {
    /// Notices a dead line; for TCP.
    func noticingHalfOpenLine() -> ClientBootstrap {
        HalfOpenLine.options.reduce(self) { $0.channelOption($1.option, value: $1.value) }
    }
}
