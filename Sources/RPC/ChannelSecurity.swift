// What makes a `tls:` address secure is given by whoever listens or connects: this module only waits for it before it
// speaks, within a time, and learns who the other end is.

public import NIOCore

/// Makes a channel secure: adds its handlers to the pipeline, and reports who the other end is once the wire may be spoken.
///
/// Called on the channel's event loop. What comes is handed on only after the future has succeeded, for its callbacks
/// add the handlers that take it. When it fails nothing more comes, and the channel is closed or about to be; a client
/// that is failed with a `Status` passes it on with the address in front of its message.
public typealias ChannelSecurity = @Sendable (any Channel) throws -> EventLoopFuture<Peer.Identity?>

/// Why a channel did not become secure in time.
struct SecurityTimeout: Error, CustomStringConvertible {
    let description = "no secure connection in time"
}

/// The other end has proved who it is, and that is nobody who may connect.
struct ForbiddenName: Error, CustomStringConvertible {
    let description = "the names in its certificate may not connect"
}

/// Secures a channel; closes it if that fails or takes longer. On the channel's event loop.
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
