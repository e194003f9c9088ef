// What a handler is given of its call. A single request stays encoded until the handler asks for it, so that it can look
// at the metadata first: a caller who may not call costs no decoding.

package import NIOCore
public import ProtobufC

/// One call of a method with one request; its responses may be a stream.
public struct UnaryCall<Request: Message>: Sendable {
    let received: IncomingCall

    @usableFromInline init(received: IncomingCall) { self.received = received }

    /// The full name of the service, such as `grpc.health.v1.Health`.
    public var service: String { received.method.service }
    /// The name of the method, such as `Check`.
    public var method: String { received.method.name }
    /// The pairs that came with the request.
    public var metadata: Metadata { received.metadata }
    /// Who calls.
    public var peer: Peer { received.origin.peer }
    /// Where the call comes from, for limits and records.
    public var clientAddress: ClientAddress { received.origin.peer.address }
    /// The name of this call in the log, for a response that somebody may ask about.
    public var requestID: String { received.requestID }
    /// The encoded request.
    public var payload: [UInt8] { received.payload }

    /// When the caller stops waiting: the call is then answered with DEADLINE_EXCEEDED and its task cancelled.
    /// The server's own timeout if the caller set none.
    public var deadline: ContinuousClock.Instant? { received.instantOfDeadline }

    /// Decodes the request within these limits.
    public func request(within limits: DecodingLimits) throws(MessageDecodingError) -> Request {
        try Request(decoding: received.payload, limits: limits)
    }

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
    /// Where the call's task runs.
    public var executor: CallExecutor { CallExecutor(received.origin.executor) }
}

/// One call of a method whose requests are a stream.
public struct StreamingCall: Sendable {
    let received: IncomingCall

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

/// What the calls of a connection have in common, in one object, since a call is handed on many times.
package final class CallOrigin: Sendable {
    let peer: Peer
    /// The number of the server.
    let server: UInt32
    let executor: EventLoopExecutor

    package init(peer: Peer, server: UInt32, executor: EventLoopExecutor) {
        self.peer = peer
        self.server = server
        self.executor = executor
    }
}

/// A call as it came off the wire, the same for every method.
@usableFromInline package struct IncomingCall: Sendable {
    package let method: RegisteredMethod
    let origin: CallOrigin
    let metadata: Metadata
    let deadline: NIODeadline?
    package var payload: [UInt8]
    /// Its number on its connection.
    var number: UInt64 = 0

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

    var requestID: String { Self.requestID(origin.server, origin.peer, number) }

    /// The name of a call in its response and in the log.
    static func requestID(_ server: UInt32, _ peer: Peer, _ number: UInt64) -> String {
        "\(String(server, radix: 36))-\(peer.connection)-\(number)"
    }

    /// The deadline on the clock of Swift's tasks.
    var instantOfDeadline: ContinuousClock.Instant? {
        guard let deadline else { return nil }
        return ContinuousClock.now.advanced(by: Duration(deadline - .now()))
    }
}
