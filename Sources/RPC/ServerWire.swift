// What one wire protocol adds to a server connection: it reads calls from bytes, and writes responses, failures, stream
// messages and the announcement of a drain. Everything else about a connection is the same for all wires.

package import NIOCore
package import ProtobufC

/// The reader and writer of one connection's wire protocol. For the connection's event loop.
package protocol ServerWire: AnyObject {
    /// Takes the bytes of one socket read; `serve` follows.
    func receive(_ bytes: ByteBuffer)

    /// Begins the calls that have arrived, until more bytes are needed or `connection.mayServe()` is false.
    func serve(_ connection: ServerConnection, in batch: ReadBatch, now: NIODeadline)

    /// Goes on with the message for which there was no room: the queue has room, or its call has ended.
    func resumeHeldMessage(_ connection: ServerConnection, now: NIODeadline)

    /// Drops what has been read and not served.
    func discardInput()

    /// Appends the response of a call that succeeded; throws if it is too long for the wire.
    func write(_ response: EncodedMessage, streamID: UInt32, to buffer: inout ByteBuffer) throws(Rejection)

    /// Appends the failure of a call. Details that are too long for the wire are left out.
    func write(_ status: Status, streamID: UInt32, to buffer: inout ByteBuffer)

    /// Appends the failure of a call that is rejected.
    func write(_ rejection: RejectionStatus, streamID: UInt32, to buffer: inout ByteBuffer)

    /// Appends one message of a stream and returns its bytes on the wire, or nil for a message that is too long.
    func writeMessage(_ message: EncodedMessage, streamID: UInt32, to buffer: inout ByteBuffer) -> Int?

    /// Appends the end of a stream of responses.
    func writeEndOfStream(_ streamID: UInt32, to buffer: inout ByteBuffer)

    /// Appends what tells the client that the server takes no new calls, if the wire has such a message.
    func writeDrain(to buffer: inout ByteBuffer)
}

/// A wire protocol that a server can speak, such as ttrpc.
public struct WireProtocol: Sendable {
    /// Makes the wire of each connection; called once for each server, with what its connections share.
    package let makeFactory: @Sendable (ServerShared) -> (@Sendable () -> any ServerWire)

    package init(_ makeFactory: @escaping @Sendable (ServerShared) -> (@Sendable () -> any ServerWire)) {
        self.makeFactory = makeFactory
    }
}
