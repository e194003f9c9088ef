// The interface between a server connection and a wire protocol, which reads calls from bytes, and writes responses, failures,
// stream messages and the announcement of a drain. Everything else is common to all wires.

package import NIOCore
package import ProtobufC

/// Reads and writes the wire protocol of one connection. Used on the connection's event loop.
package protocol ServerWire: AnyObject {
    /// Takes the bytes of one socket read; `serve` follows.
    func receive(_ bytes: ByteBuffer)

    /// Begins the calls that were read, until more bytes are needed or `connection.mayServe()` is false.
    func serve(_ connection: ServerConnection, in batch: ReadBatch, now: NIODeadline)

    /// Continues with the held message, because its queue has room or its call has ended.
    func resumeHeldMessage(_ connection: ServerConnection, now: NIODeadline)

    /// Drops bytes that were read and not served.
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

    /// Appends the message that announces a drain, if the wire has one.
    func writeDrain(to buffer: inout ByteBuffer)

    /// Appends the last message of a connection that closes, if the wire has one.
    func writeEnd(to buffer: inout ByteBuffer)

    /// Whether a message of this stream can be sent now; false while the wire keeps earlier ones back.
    func hasRoom(_ streamID: UInt32) -> Bool

    /// Whether the wire has unfinished streams of its own, so that the connection is not idle.
    var isBusy: Bool { get }

    /// Whether more bytes may be read from the socket; false while what was read has to wait.
    var takesInput: Bool { get }

    /// Whether complete requests wait in the wire that can be served now.
    var hasWaitingRequests: Bool { get }

    /// Whether the connection is to be closed behind what was written.
    var endsConnection: Bool { get }

    /// Ends the streams whose peer has taken too long; returns when to look again, if ever.
    func checkTimes(_ connection: ServerConnection, now: NIODeadline) -> NIODeadline?
}

extension ServerWire {
    package func writeEnd(to buffer: inout ByteBuffer) {}
    package func hasRoom(_ streamID: UInt32) -> Bool { true }
    package var isBusy: Bool { false }
    package var takesInput: Bool { true }
    package var hasWaitingRequests: Bool { false }
    package var endsConnection: Bool { false }
    package func checkTimes(_ connection: ServerConnection, now: NIODeadline) -> NIODeadline? { nil }
}

/// A wire protocol that a server can speak, such as ttrpc.
public struct WireProtocol: Sendable {
    /// The names in metrics of what it carries, such as `ttrpc`; each call is counted under one of them.
    package let names: [String]
    /// Whether a connection that begins with these bytes speaks it; nil if more of them are needed to tell.
    package let begins: @Sendable (ByteBufferView) -> Bool?
    /// Its name in ALPN (RFC 7301); nil if it has none.
    public let applicationProtocol: String?
    /// Whether a request may contain the access token, because clients of this wire cannot send metadata with a stream. Bodies
    /// are logged where metadata is not, so that no other wire takes it.
    package let takesTokensInRequests: Bool
    /// Returns the factory of each connection's wire; called once per server.
    package let makeFactory: @Sendable (ServerShared) -> (@Sendable () -> any ServerWire)

    package init(
        names: [String], applicationProtocol: String? = nil, takesTokensInRequests: Bool = false,
        begins: @escaping @Sendable (ByteBufferView) -> Bool?,
        _ makeFactory: @escaping @Sendable (ServerShared) -> (@Sendable () -> any ServerWire)
    ) {
        self.names = names
        self.applicationProtocol = applicationProtocol
        self.takesTokensInRequests = takesTokensInRequests
        self.begins = begins
        self.makeFactory = makeFactory
    }
}
