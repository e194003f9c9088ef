// What happens around every handler, once: who is calling, may they, under which key, and what becomes of a failure.
// A handler is a function from a request and a call to an answer.

public import ClinicStore
internal import Logging
internal import OpenSSL
public import PostgreSQL
internal import ProtobufC
public import Scheduling
public import TTRPC

/// One authorised call.
public struct Call: Sendable {
    /// Who is calling.
    public let caller: Caller
    /// Where the call comes from, for limits per peer, and with whose certificate.
    public let peer: Peer
    /// What a mutation writes down about its cause.
    public let origin: Origin
    /// The moment all of the call's decisions are made for.
    public let now: Instant
}

/// The methods do not fit together: the daemon must not start.
public enum IncompleteService: Error, CustomStringConvertible {
    /// A method is served that the access table does not know.
    case noAccess(method: String)
    /// A method of the schema is not served.
    case notServed(method: String)

    /// One line for a person.
    public var description: String {
        switch self {
        case .noAccess(let method): "\(method) has no row in the access table"
        case .notServed(let method): "\(method) is in the schema but is not served"
        }
    }
}

/// The methods of the service, each wrapped in the same chain.
struct Endpoints {
    private(set) var table = MethodTable()
    private var served: Set<String> = []
    private let identity: Identity
    private let logger: Logger
    private let hasRoom: @Sendable (Database.Pool) -> Bool
    private let afterChange: @Sendable () -> Void

    /// - Parameters:
    ///   - hasRoom: whether a call that waits in a queue of the database would not wait too long.
    ///   - afterChange: is called after each call that may have changed something.
    init(
        identity: Identity, logger: Logger,
        hasRoom: @escaping @Sendable (Database.Pool) -> Bool,
        afterChange: @escaping @Sendable () -> Void
    ) {
        self.identity = identity
        self.logger = logger
        self.hasRoom = hasRoom
        self.afterChange = afterChange
    }

    /// Throws the first method of the schema that is not served.
    func checkServed(_ services: [ServiceDescriptor]) throws(IncompleteService) {
        for service in services {
            for method in service.methods where !served.contains("\(service.name)/\(method.name)") {
                throw .notServed(method: "\(service.name)/\(method.name)")
            }
        }
    }

    /// Serves a method whose handler waits.
    ///
    /// The caller is identified and authorised before the request is decoded, so that nobody learns from a
    /// validation error what may not be called. Before all that, a call that would have to wait long for the database is
    /// refused: here, where it has cost next to nothing, and nowhere later.
    mutating func serve<Request: Message, Response: Message>(
        _ method: Method<Request, Response>,
        _ handler: @escaping @Sendable (Request, Call) async throws -> Response
    ) throws(IncompleteService) {
        try serve(
            method, queue: nil, waitsAlways: true,
            start: { request, call in .waits { try await handler(request, call) } })
    }

    /// Serves a method by the beginning of its handler, in the same way. It is called on the event loop and may not block;
    /// where it can answer without waiting, as most of its callers are known, the call never takes a task, and is never
    /// refused for what others have to wait for.
    mutating func serve<Request: Message, Response: Message>(
        _ method: Method<Request, Response>,
        start begin: @escaping @Sendable (Request, Call) throws -> HandlerStart<Response>
    ) throws(IncompleteService) {
        try serve(method, queue: nil, waitsAlways: false, start: begin)
    }

    /// Serves a method that asks the database one question, in the same way.
    ///
    /// - Parameter queue: where its calls wait; that of all reads if it is not named.
    mutating func serve<Request: Message, Response: Message>(
        _ method: Method<Request, Response>, queue: Database.Pool? = nil,
        query: @escaping @Sendable (Request, Call) throws -> Query<Response>
    ) throws(IncompleteService) {
        try serve(
            method, queue: queue, waitsAlways: true,
            start: { request, call in
                let query = try query(request, call)
                return .asks { completion in query.ask { completion($0) } }
            })
    }

    private mutating func serve<Request: Message, Response: Message>(
        _ method: Method<Request, Response>, queue: Database.Pool?, waitsAlways: Bool,
        start begin: @escaping @Sendable (Request, Call) throws -> HandlerStart<Response>
    ) throws(IncompleteService) {
        let gate = try gate(method.service, method.name, hasSideEffects: method.hasSideEffects)
        let afterChange = method.hasSideEffects ? self.afterChange : nil
        let hasRoom = self.hasRoom
        let queue = queue ?? (method.hasSideEffects ? .writes : .reads)
        @Sendable func finish(
            _ start: HandlerStart<Response>, _ call: UnaryCall<Request>
        ) async throws -> Response {
            do {
                let response = try await start.response()
                afterChange?()
                return response
            } catch {
                throw gate.status(describing: error, requestID: call.requestID)
            }
        }
        @Sendable func finish(_ answer: () throws -> Response, _ call: UnaryCall<Request>) throws -> Response
        {
            do {
                let response = try answer()
                afterChange?()
                return response
            } catch {
                throw gate.status(describing: error, requestID: call.requestID)
            }
        }
        table.registerStart(of: method) { call in
            if waitsAlways, !hasRoom(queue) { return .overloaded }
            func mayWait() -> Bool { waitsAlways || hasRoom(queue) }
            do {
                guard let (request, authorised) = try gate.admitWithoutWaiting(call) else {
                    guard mayWait() else { return .overloaded }
                    return .waits {
                        let start: HandlerStart<Response>
                        do {
                            let (request, authorised) = try await gate.admit(call)
                            start = try begin(request, authorised)
                        } catch {
                            throw gate.status(describing: error, requestID: call.requestID)
                        }
                        return try await finish(start, call)
                    }
                }
                let start = try begin(request, authorised)
                switch start {
                case .answers, .answersPacked:
                    afterChange?()
                    return start
                case .asks(let ask) where mayWait():
                    return .asks { ask($0.after { try finish($0, call) }) }
                case .waits where mayWait():
                    return .waits { try await finish(start, call) }
                case .asks, .waits, .overloaded:
                    return .overloaded
                }
            } catch {
                throw gate.status(describing: error, requestID: call.requestID)
            }
        }
    }

    /// Serves a method with a stream of responses, in the same way: the caller is identified and authorised once, when
    /// the stream begins. `endsWhenDraining` is for streams that go on for ever: they end when the server shuts down.
    mutating func serve<Request: Message, Response: Message>(
        _ method: ServerStreamingMethod<Request, Response>, endsWhenDraining: Bool = false,
        _ handler: @escaping @Sendable (Request, Call, ResponseWriter<Response>) async throws -> Void
    ) throws(IncompleteService) {
        let gate = try gate(method.service, method.name, hasSideEffects: method.hasSideEffects)
        table.register(method, endsWhenDraining: endsWhenDraining) { call, responses in
            do {
                let (request, authorised) = try await gate.admit(call)
                try await handler(request, authorised, responses)
            } catch {
                throw gate.status(describing: error, requestID: call.requestID)
            }
        }
    }

    /// Serves a stream that goes on for longer than a token counts. It ends when the server shuts down; the handler has
    /// to ask again and again whether the caller is still there.
    mutating func serve<Request: TokenBearing, Response: Message>(
        _ method: ServerStreamingMethod<Request, Response>,
        _ handler:
            @escaping @Sendable (Request, Call, Presence, ResponseWriter<Response>) async throws -> Void
    ) throws(IncompleteService) {
        let gate = try gate(method.service, method.name, hasSideEffects: method.hasSideEffects)
        table.register(method, endsWhenDraining: true) { call, responses in
            do {
                let (request, authorised, presence) = try await gate.admitBearer(call)
                try await handler(request, authorised, presence, responses)
            } catch {
                throw gate.status(describing: error, requestID: call.requestID)
            }
        }
    }

    private mutating func gate(
        _ service: String, _ method: String, hasSideEffects: Bool
    ) throws(IncompleteService) -> Gate {
        // The table's own name is a literal, to which nobody counts references.
        guard let row = AccessTable.rows.index(forKey: "\(service)/\(method)") else {
            throw .noAccess(method: "\(service)/\(method)")
        }
        let (name, access) = AccessTable.rows[row]
        served.insert(name)
        return Gate(
            method: name, access: access, hasSideEffects: hasSideEffects, identity: identity, logger: logger)
    }
}

/// A statement is given up with the call that began it.
extension SubmittedStatement: Cancellable {}

/// What a call of one method has to pass before its handler, and what its failure passes after it.
private struct Gate: Sendable {
    let method: String
    let access: Access
    let hasSideEffects: Bool
    let identity: Identity
    let logger: Logger

    /// Nil when somebody has to be asked who is calling.
    func admitWithoutWaiting<Request: Message>(_ call: UnaryCall<Request>) throws -> (Request, Call)? {
        guard let (caller, now) = try identity.callerWithoutWaiting(of: call) else { return nil }
        return try authorise(call, of: caller, now: now) { try Self.decode(call) }
    }

    func admit<Request: Message>(_ call: UnaryCall<Request>) async throws -> (Request, Call) {
        let now = Instant.now
        let caller = try await identity.caller(of: call.metadata, now: now)
        return try authorise(call, of: caller, now: now) { try Self.decode(call) }
    }

    /// Takes the token from the request where the metadata has none.
    func admitBearer<Request: TokenBearing>(
        _ call: UnaryCall<Request>
    ) async throws -> (Request, Call, Presence) {
        let now = Instant.now
        var token = try identity.token(in: call.metadata)
        let decoded = Result { try Self.decode(call) }
        if case .success(let request) = decoded, !request.accessToken.isEmpty {
            let other = Array(request.accessToken.utf8)[...]
            guard token == nil || token == other else {
                throw Status(.invalidToken, "metadata and request have different tokens; send one of them")
            }
            token = other
        }
        let caller = try await identity.caller(bearing: token, now: now)
        let (request, authorised) = try authorise(call, of: caller, now: now) { try decoded.get() }
        return (request, authorised, Presence(of: caller, bearing: token, identity: identity, now: .now))
    }

    private func authorise<Request: Message>(
        _ call: UnaryCall<Request>, of caller: Caller, now: Instant, _ request: () throws -> Request
    ) throws -> (Request, Call) {
        try access.check(caller)
        let key = hasSideEffects ? try IdempotencyKey.read(from: call, caller: caller) : nil
        return (
            try request(),
            Call(
                caller: caller, peer: call.peer,
                origin: Origin(actorID: caller.userID, method: method, key: key), now: now)
        )
    }

    private static func decode<Request: Message>(_ call: UnaryCall<Request>) throws -> Request {
        do throws(Status) { return try call.request() } catch { throw Status(malformed: error) }
    }

    func status(describing error: any Error, requestID: @autoclosure () -> String) -> Status {
        Status(describing: error, method: method, requestID: requestID(), logger: logger)
    }
}

extension Status {
    /// The wire's refusal of a payload, with our reason beside its details.
    fileprivate init(malformed status: Status) {
        self.init(.malformedRequest, status.message)
        details += status.details
    }
}

/// A client's key against double execution.
enum IdempotencyKey {
    /// The key of a call with a digest of what it asks for; nil without one or without a signed-in caller.
    static func read<Request: Message>(
        from call: UnaryCall<Request>, caller: Caller
    ) throws -> Origin.Key? {
        let values = call.metadata["idempotency-key"]
        guard let key = values.first, caller.userID != nil else { return nil }
        guard values.count == 1, (1...128).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else { throw Status(.invalidIdempotencyKey) }
        return Origin.Key(text: key, requestDigest: try SHA256.digest(call.payload).bytes)
    }
}
