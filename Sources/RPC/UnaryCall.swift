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
    public var clientAddress: ClientAddress { received.origin.address }
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

/// State shared by the calls of a connection that come from one address, in one object, because a call is passed on many times.
package final class CallOrigin: Sendable {
    package let peer: Peer
    /// Where the calls come from: the peer, or where it says if it is a trusted proxy.
    package let address: ClientAddress
    /// Whether that is a trusted proxy.
    package let isOfTrustedProxy: Bool
    /// Whether a request may contain the access token.
    package let takesTokensInRequests: Bool
    /// Where the tasks of its calls run.
    package let executor: EventLoopExecutor
    private let budgets: CallBudgets
    /// The share of the address, and its place among the counts of calls.
    package let shareKey: ShareKey
    let share: ShareSlot

    package init(
        peer: Peer, executor: EventLoopExecutor, isTrustedProxy: Bool = false,
        takesTokensInRequests: Bool = false, budgets: CallBudgets
    ) {
        self.peer = peer
        address = peer.address
        isOfTrustedProxy = isTrustedProxy
        self.takesTokensInRequests = takesTokensInRequests
        self.executor = executor
        self.budgets = budgets
        shareKey = ShareKey(address)
        share = ShareSlot(shareKey)
    }

    /// The origin of calls that a trusted proxy forwards from an address.
    init(of proxy: CallOrigin, forwarding address: ClientAddress) {
        peer = proxy.peer
        self.address = address
        isOfTrustedProxy = false
        takesTokensInRequests = proxy.takesTokensInRequests
        executor = proxy.executor
        budgets = proxy.budgets
        shareKey = ShareKey(address)
        share = ShareSlot(shareKey)
    }

    /// Counts a call toward its user as well, from now until `end` of what is returned; throws `Overloaded` if the user has
    /// half of the server's calls, or streams, and none is free.
    package func count(toward user: ShareKey, isStream: Bool) throws(Overloaded) -> UserShare {
        let budget = budgets.budget(ofStreams: isStream)
        let slot = ShareSlot(user)
        guard budget.take(user: slot) else { throw Overloaded() }
        return UserShare(budget: budget, slot: slot)
    }
}

/// A call that counts toward its user.
package struct UserShare: Sendable {
    fileprivate let budget: ShareBudget
    fileprivate let slot: ShareSlot

    /// The call is over; to be called once.
    package func end() { budget.putBack(user: slot) }
}

/// A call as the wire read it, before its message type is known.
@usableFromInline package struct IncomingCall: Sendable {
    package let method: RegisteredMethod
    let origin: CallOrigin
    let metadata: Metadata
    let deadline: NIODeadline?
    @usableFromInline package var payload: [UInt8]
    /// Which of the names of its wire protocol it is counted under.
    let nameIndex: Int

    package init(
        method: RegisteredMethod, origin: CallOrigin, metadata: Metadata, deadline: NIODeadline?,
        payload: [UInt8], nameIndex: Int = 0
    ) {
        self.nameIndex = nameIndex
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
