// Who connected through a Unix socket, as the kernel recorded it at `connect` (unix(7), SO_PEERCRED). The peer cannot
// choose it.

internal import Glibc
internal import NIOCore

/// The process at the other end of a Unix socket. The layout is that of `struct ucred`.
struct PeerCredentials {
    var processID: pid_t = 0
    var userID: uid_t = 0
    var groupID: gid_t = 0

    /// Asks the kernel; nil if the channel is no Unix socket.
    static func of(_ channel: any Channel) -> EventLoopFuture<PeerCredentials?> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeSucceededFuture(nil)
        }
        let credentials: EventLoopFuture<PeerCredentials> = provider.unsafeGetSocketOption(
            level: .socket, name: .init(rawValue: SO_PEERCRED))
        return credentials.map { $0.processID == 0 ? nil : $0 }.recover { _ in nil }
    }
}
