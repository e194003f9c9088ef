// All mutable state of a server connection, in one value, which is used on the connection's event loop only.

package import NIOCore

/// The mutable state of a server connection.
package struct ConnectionState: ~Copyable {
    package var calls: CallTable
    /// Unsent responses, encoded one after the other, so that one write sends all of them.
    package var outgoing = OutgoingBuffer()
    var context: ChannelHandlerContext?
    var timeouts: ConnectionTimeouts
    var deadlineTimer = DeadlineTimer()
    var closeTimer: Scheduled<Void>?

    /// Counts the writes to the channel: a stream may send a limited amount in each.
    var sendingTurn: UInt64 = 1
    /// The tasks that wait until they may send.
    var waitingSenders: [WaitingSender] = []
    /// A stream message for which its queue has no room; nothing is read meanwhile.
    package var held: HeldMessage?

    /// The origin of the last call that a trusted proxy forwarded.
    var forwardedOrigin: CallOrigin?

    /// Whether a read is being served, so that responses are sent at its end.
    var isServing = false
    /// Whether the executor will call `flushAfterWakeUp`.
    var willFlushAfterWakeUp = false
    /// Calls that have succeeded and are counted when their responses leave.
    var succeeded: SucceededCalls?
    /// The peer does not read its responses, so calls that have arrived have to wait.
    package var isPaused = false
    /// The channel wants to read and has to wait for the same reason.
    var isReadHeld = false
    /// The last response is on its way and the connection closes behind it.
    package var isClosing = false
    /// Why the connection ends, if for another reason than its peer's wish.
    var ending = ConnectionEnding.byPeer
    var isEndRecorded = false
    /// The bytes that the channel still held after the last flush.
    var unsentBytes = 0

    init(server: ServerShared, now: NIODeadline) {
        calls = CallTable(configuration: server.configuration)
        timeouts = ConnectionTimeouts(times: server.connectionTimes, now: now)
    }
}

/// A stream message that came while there was no room for it in the queue of its stream.
package struct HeldMessage {
    let streamID: UInt32
    let since: NIODeadline
    let grace: Scheduled<Void>
}

/// Bytes that are not sent yet.
package struct OutgoingBuffer {
    /// The most that stays allocated in an idle connection, in bytes.
    private static let retainedBytes = 8192

    package var buffer = ByteBuffer()

    /// The bytes that wait.
    var byteCount: Int { buffer.readableBytes }

    /// Takes what waits, to be written at once. It is gone from here before the channel sees it, since a write may come
    /// back to the connection and make it send more.
    mutating func take() -> ByteBuffer {
        defer { buffer = ByteBuffer() }
        return buffer
    }

    /// Uses the memory of what was taken and written for the next responses, if it is not much.
    mutating func reuse(_ written: consuming ByteBuffer) {
        guard buffer.capacity == 0, written.capacity <= Self.retainedBytes else { return }
        buffer = written
        buffer.clear()
    }
}
