// Listeners and clients supply what secures a channel, such as TLS. This module waits for it, within a time limit, and gets the
// identity of the peer.

public import NIOCore

/// Secures a channel: adds its handlers to the pipeline, and completes with the peer's identity when the wire may start.
///
/// Called on the channel's event loop. What comes is handed on only after the future has succeeded, for its callbacks
/// add the handlers that take it. When it fails nothing more comes, and the channel is closed or about to be; a client
/// that is failed with a `Status` passes it on with the address in front of its message.
public typealias ChannelSecurity = @Sendable (any Channel) throws -> EventLoopFuture<Peer.Identity?>

/// The channel was not secured in time.
struct SecurityTimeout: Error, CustomStringConvertible {
    let description = "no secure connection in time"
}

/// The peer has a valid certificate, but its names may not connect.
struct ForbiddenName: Error, CustomStringConvertible {
    let description = "the names in its certificate may not connect"
}

/// Secures a channel; closes it if that fails or exceeds the time limit. On the channel's event loop.
package func secure(
    _ channel: any Channel, by security: ChannelSecurity, within time: TimeAmount
) -> EventLoopFuture<Peer.Identity?> {
    do {
        let secured = try security(channel)
        var isLate = false
        let timer = channel.eventLoop.assumeIsolated().scheduleTask(in: time) {
            isLate = true
            channel.close(promise: nil)
        }
        return secured.assumeIsolated().flatMapErrorThrowing { error in
            throw isLate ? SecurityTimeout() : error
        }.always { _ in timer.cancel() }.nonisolated()
    } catch {
        channel.close(promise: nil)
        return channel.eventLoop.makeFailedFuture(error)
    }
}
