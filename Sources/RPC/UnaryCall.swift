// A call as its handler gets it. The request is decoded when the handler asks for it, so that the metadata can be checked first:
// an unauthorized call costs no decoding.

package import NIOCore
public import ProtobufC

/// One call of a method with one request; its responses may be a stream.
public struct UnaryCall<Request: Message>: Sendable {
    @usableFromInline let received: IncomingCall

    @usableFromInline init(received: IncomingCall) { self.received = received }

    /// The full name of the service, such as `grpc.health.v1.Health`.
    public var service: String { received.method.service }
    /// The name of the method, such as `Check`.
    public var method: String { received.method.name }
    /// The metadata of the request.
    public var metadata: Metadata { received.metadata }
    /// The other end of the connection.
    public var peer: Peer { received.origin.peer }
    /// Where the call comes from, for limits and records.
    public var clientAddress: ClientAddress { received.origin.peer.address }
    /// What the calls of its connection have in common.
    package var origin: CallOrigin { received.origin }
    /// The encoded request.
    public var payload: [UInt8] { received.payload }

    /// The caller's deadline, or the server's if the caller set none. The call then fails with DEADLINE_EXCEEDED and its task is
    /// cancelled.
    public var deadline: ContinuousClock.Instant? { received.instantOfDeadline }

    /// Decodes the request within these limits.
    @inlinable public func request(within limits: DecodingLimits) throws(MessageDecodingError) -> Request {
        try Request(decoding: received.payload, limits: limits)
    }

    /// Decodes the request; throws INVALID_ARGUMENT if the bytes are not that message or break its limits.
    @inlinable public func request() throws(Status) -> Request {
        do {
            return try Request(decoding: received.payload)
        } catch {
            throw Status(.invalidArgument, "the payload is not a \(Request.descriptor.name): \(error)")
        }
    }
}

/// One call of a method whose requests are a stream.
public struct StreamingCall: Sendable {
    let received: IncomingCall

    /// The full name of the service, such as `grpc.health.v1.Health`.
    public var service: String { received.method.service }
    /// The name of the method, such as `Check`.
    public var method: String { received.method.name }
    /// The metadata of the call. The Go client of ttrpc sends none on streams.
    public var metadata: Metadata { received.metadata }
    /// The other end of the connection.
    public var peer: Peer { received.origin.peer }
    /// The deadline; as in `UnaryCall`.
    public var deadline: ContinuousClock.Instant? { received.instantOfDeadline }
}

/// State shared by the calls of a connection, in one object, because a call is passed on many times.
package final class CallOrigin: Sendable {
    package let peer: Peer
    /// Where the tasks of its calls run.
    package let executor: EventLoopExecutor

    package init(peer: Peer, executor: EventLoopExecutor) {
        self.peer = peer
        self.executor = executor
    }
}

/// A call as the wire read it, before its message type is known.
@usableFromInline package struct IncomingCall: Sendable {
    package let method: RegisteredMethod
    let origin: CallOrigin
    let metadata: Metadata
    let deadline: NIODeadline?
    @usableFromInline package var payload: [UInt8]

    package init(
        method: RegisteredMethod, origin: CallOrigin, metadata: Metadata, deadline: NIODeadline?,
        payload: [UInt8]
    ) {
        self.method = method
        self.origin = origin
        self.metadata = metadata
        self.deadline = deadline
        self.payload = payload
    }

    /// The deadline on the clock of Swift's tasks.
    var instantOfDeadline: ContinuousClock.Instant? {
        guard let deadline else { return nil }
        return ContinuousClock.now.advanced(by: Duration(deadline - .now()))
    }
}
