// What a handler is given of its call. A single request stays bytes until the handler asks for it, so that it can
// look at the metadata first: a caller who may not call costs no decoding.

internal import NIOCore
public import ProtobufC

/// One call of a method with one request; its responses may be a stream.
public struct UnaryCall<Request: Message>: Sendable {
    let received: ReceivedCall

    @usableFromInline init(received: ReceivedCall) { self.received = received }

    /// The full name of the service, such as `grpc.health.v1.Health`.
    public var service: String { received.method.service }
    /// The name of the method, such as `Check`.
    public var method: String { received.method.name }
    /// The pairs that came with the request.
    public var metadata: Metadata { received.metadata }
    /// Who calls.
    public var peer: Peer { received.origin.peer }
    /// What the log calls this call, for an answer that somebody may ask about.
    public var requestID: String { received.requestID }
    /// The encoded request.
    public var payload: [UInt8] { received.payload }

    /// When the caller stops waiting: the call is then answered with DEADLINE_EXCEEDED and its task cancelled.
    /// The server's own timeout if the caller set none.
    public var deadline: ContinuousClock.Instant? { received.instantOfDeadline }

    /// Decodes the request; throws INVALID_ARGUMENT if the bytes are not that message or break its limits.
    public func request() throws(Status) -> Request {
        do {
            return try Request(decoding: received.payload)
        } catch {
            throw Status(.invalidArgument, "the payload is not a \(Request.descriptor.name): \(error)")
        }
    }
}

extension UnaryCall {
    /// What the beginning of a handler has found out from the metadata, for the other calls of the same read that came
    /// with the same: nil where none has. For use on the event loop, before the handler waits.
    package var note: (any AnyObject & Sendable)? {
        get { received.origin.note(on: received.metadata) }
        nonmutating set { received.origin.leave(newValue, on: received.metadata) }
    }
}

/// One call of a method whose requests are a stream.
public struct StreamingCall: Sendable {
    let received: ReceivedCall

    /// The full name of the service, such as `grpc.health.v1.Health`.
    public var service: String { received.method.service }
    /// The name of the method, such as `Check`.
    public var method: String { received.method.name }
    /// The pairs that came with the call. The Go client of ttrpc sends none on streams.
    public var metadata: Metadata { received.metadata }
    /// Who calls.
    public var peer: Peer { received.origin.peer }
    /// When the caller stops waiting; as in `UnaryCall`.
    public var deadline: ContinuousClock.Instant? { received.instantOfDeadline }
}

/// What the calls of a connection have in common, in one place, since a call is handed on many times.
///
/// The note is used on the connection's event loop only; this is why it is `@unchecked Sendable`.
package final class CallOrigin: @unchecked Sendable {
    let peer: Peer
    /// The number of the server.
    let server: UInt32
    @exclusivity(unchecked) private var note: (value: any AnyObject & Sendable, metadata: Metadata)?

    init(peer: Peer, server: UInt32) {
        self.peer = peer
        self.server = server
    }

    fileprivate func note(on metadata: Metadata) -> (any AnyObject & Sendable)? {
        guard let note, note.metadata.isInMemory(of: metadata) else { return nil }
        return note.value
    }

    /// Keeps the metadata, so that nothing else can lie in its memory.
    fileprivate func leave(_ value: (any AnyObject & Sendable)?, on metadata: Metadata) {
        note = value.map { ($0, metadata) }
    }

    /// The read is over.
    func forgetNote() { note = nil }
}

/// A call as it came off the wire, the same for every method.
@usableFromInline struct ReceivedCall: Sendable {
    let method: RegisteredMethod
    let origin: CallOrigin
    var metadata = Metadata()
    var deadline: NIODeadline?
    var payload: [UInt8]
    /// Its number on its connection.
    var number: UInt64 = 0

    var requestID: String { Self.requestID(origin.server, origin.peer, number) }

    /// The name of a call that its caller, the log and whoever is asked about it have in common.
    static func requestID(_ server: UInt32, _ peer: Peer, _ number: UInt64) -> String {
        "\(String(server, radix: 36))-\(peer.connection)-\(number)"
    }

    /// The deadline on the clock of Swift's tasks.
    var instantOfDeadline: ContinuousClock.Instant? {
        guard let deadline else { return nil }
        return ContinuousClock.now.advanced(by: Duration(deadline - .now()))
    }
}
