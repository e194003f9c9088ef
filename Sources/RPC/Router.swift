// The methods of a server. The daemon fills a router before the server starts; from then on it is only read.
// Registration erases the message types, so that a connection can start any method in the same way.

internal import Logging
public import ProtobufC

/// The methods of a server with their handlers.
public struct Router: Sendable {
    /// The methods in buckets by a hash of their names; the number of buckets is a power of two.
    private var buckets: [[RegisteredMethod]] = [[]]
    private var count = 0
    private let describeFailure: FailureDescription?

    /// Makes the status of a call's failure from what its handler threw.
    public typealias FailureDescription = @Sendable (FailedCall, any Error) -> Status

    /// A router without methods.
    ///
    /// - Parameter describeFailure: is asked about every error of a handler but `Overloaded`, on the event loop of the
    ///   call. Without it a `Status` is the failure of the call, `CancellationError` is CANCELLED, and anything else
    ///   INTERNAL without its text, which the log gets.
    public init(describingFailuresBy describeFailure: FailureDescription? = nil) {
        self.describeFailure = describeFailure
    }

    /// The methods that are registered, as `service/method`, sorted.
    public var names: [String] {
        buckets.joined().map { "\($0.service)/\($0.name)" }.sorted()
    }

    /// Adds a method, or replaces its handler.
    ///
    /// The handler is called on the event loop of its connection and may neither wait nor block: it returns the response, or
    /// the operation that ends the call. What it throws becomes the status of the call; `Overloaded` is RESOURCE_EXHAUSTED.
    /// Inlined, so that it is specialized for each method's messages: unspecialized it was a tenth of a small call.
    ///
    /// - Parameter isAlwaysServed: whether its calls are served however many the server has in flight; for what is answered
    ///   at once, at little cost.
    @inlinable public mutating func register<Request, Response>(
        _ method: Method<Request, Response>, isAlwaysServed: Bool = false,
        reply handler: @escaping @Sendable (UnaryCall<Request>, ReadBatch) throws -> Reply<Response>
    ) {
        insertUnary(AnyMethod(method), isAlwaysServed: isAlwaysServed) {
            { call, batch, promise in
                do {
                    switch try handler(UnaryCall(received: call), batch) {
                    case .ready(let response, let head): promise.succeed(response, behind: head)
                    case .pending(let operation): promise.start(operation, in: batch)
                    }
                } catch {
                    promise.fail(error)
                }
            }
        }
    }

    /// Adds a method whose handler is an async function, which runs on the event loop of its connection: it may wait, but not
    /// block. Otherwise as above.
    public mutating func register<Request, Response>(
        _ method: Method<Request, Response>,
        _ handler: @escaping @Sendable (UnaryCall<Request>) async throws -> Response
    ) {
        register(method, reply: { call, _ in .pending(.task { try await handler(call) }) })
    }

    @usableFromInline mutating func insertUnary(
        _ method: AnyMethod, isAlwaysServed: Bool, _ makeStart: @escaping @Sendable () -> UnaryStart
    ) {
        insert(method, isAlwaysServed: isAlwaysServed) { .unary(makeStart()) }
    }

    /// Adds a method whose handler sends any number of responses; the stream ends when it returns or throws.
    ///
    /// A stream without an end is registered with `endsWhenDraining`: when the server shuts down, it fails with UNAVAILABLE
    /// at once and its task is cancelled, so that the client can resume it on another server.
    /// Otherwise as above.
    public mutating func register<Request, Response>(
        _ method: ServerStreamingMethod<Request, Response>, endsWhenDraining: Bool = false,
        _ handler: @escaping @Sendable (UnaryCall<Request>, ResponseWriter<Response>) async throws -> Void
    ) {
        insert(AnyMethod(method)) {
            .streaming(.serverStreaming, endsWhenDraining: endsWhenDraining) { call, stream in
                stream.run { stream in
                    try await handler(UnaryCall(received: call), ResponseWriter(stream: stream))
                    stream.endResponses()
                }
            }
        }
    }

    /// Adds a method whose handler takes any number of requests and returns one response, possibly before the
    /// last request has arrived. `endsWhenDraining` as above.
    public mutating func register<Request, Response>(
        _ method: ClientStreamingMethod<Request, Response>, endsWhenDraining: Bool = false,
        _ handler: @escaping @Sendable (StreamingCall, RequestStream<Request>) async throws -> Response
    ) {
        insert(AnyMethod(method)) {
            .streaming(.clientStreaming, endsWhenDraining: endsWhenDraining) { call, stream in
                stream.run { stream in
                    stream.succeed(
                        try await handler(StreamingCall(received: call), RequestStream(stream: stream)))
                }
            }
        }
    }

    /// Adds a method whose handler takes any number of requests and sends any number of responses, in any order;
    /// the stream ends when it returns or throws. `endsWhenDraining` as above.
    public mutating func register<Request, Response>(
        _ method: BidirectionalMethod<Request, Response>, endsWhenDraining: Bool = false,
        _ handler:
            @escaping @Sendable (StreamingCall, RequestStream<Request>, ResponseWriter<Response>) async throws
            -> Void
    ) {
        insert(AnyMethod(method)) {
            .streaming(.bidirectional, endsWhenDraining: endsWhenDraining) { call, stream in
                stream.run { stream in
                    try await handler(
                        StreamingCall(received: call), RequestStream(stream: stream),
                        ResponseWriter(stream: stream))
                    stream.endResponses()
                }
            }
        }
    }

    /// The same methods in objects of their own: threads that count references to the same objects contend for their cache
    /// lines, which was a tenth of a small call.
    func copy() -> Router {
        var router = self
        router.buckets = buckets.map { $0.map { $0.copy() } }
        return router
    }

    /// The methods in the order of their indices.
    package var inOrder: [RegisteredMethod] { buckets.joined().sorted { $0.index < $1.index } }

    /// The status of a call whose handler threw an error.
    func status(of call: FailedCall, _ error: any Error, _ logger: Logger) -> Status {
        if let status = error as? Status { return status }
        if let describeFailure { return describeFailure(call, error) }
        let status = Status(ofHandlerError: error)
        if status.code == .internal {
            logger.error(
                "a handler failed",
                metadata: [
                    "method": "\(call.method)", "error": "\(type(of: error))",
                    "request_id": "\(call.requestID)",
                ])
        }
        return status
    }

    /// Finds a method by the names in a request; throws which of them is unknown.
    package func find(
        service: UnsafeRawBufferPointer, method: UnsafeRawBufferPointer
    ) -> Result<RegisteredMethod, UnknownMethod> {
        for candidate in buckets[Self.bucket(of: method, count: buckets.count)]
        where candidate.hasName(method) && candidate.isOf(service) {
            return .success(candidate)
        }
        return .failure(buckets.joined().contains { $0.isOf(service) } ? .method : .service)
    }

    private mutating func insert(
        _ method: AnyMethod, isAlwaysServed: Bool = false,
        _ makeHandler: @escaping @Sendable () -> RegisteredMethod.Handler
    ) {
        let bucket = Self.bucket(of: method.name, count: buckets.count)
        if let known = buckets[bucket].firstIndex(where: {
            $0.name == method.name && $0.service == method.service
        }) {
            buckets[bucket][known] = RegisteredMethod(
                index: buckets[bucket][known].index, method, isAlwaysServed: isAlwaysServed,
                makeHandler: makeHandler)
            return
        }
        buckets[bucket].append(
            RegisteredMethod(index: count, method, isAlwaysServed: isAlwaysServed, makeHandler: makeHandler))
        count += 1
        guard count > buckets.count / 2 else { return }
        let methods = Array(buckets.joined())
        buckets = Array(repeating: [], count: buckets.count * 4)
        for method in methods { buckets[Self.bucket(of: method.name, count: buckets.count)].append(method) }
    }

    /// A hash of the method's name alone, without the service's. It need not resist chosen names: a client cannot register
    /// names, and looking up an unknown one reads one bucket.
    private static func bucket(of method: UnsafeRawBufferPointer, count: Int) -> Int {
        var hash: UInt32 = 2_166_136_261
        for index in 0..<min(method.count, 64) { hash = (hash ^ UInt32(method[index])) &* 16_777_619 }
        return Int(hash) & (count - 1)
    }

    private static func bucket(of method: String, count: Int) -> Int {
        Array(method.utf8).withUnsafeBytes { bucket(of: $0, count: count) }
    }
}

/// Which name of a request is unknown.
package enum UnknownMethod: Error {
    case service
    case method
}

/// Runs the handler of a unary call, whose end the promise reports.
@usableFromInline typealias UnaryStart = @Sendable (IncomingCall, ReadBatch, ResponsePromise) -> Void

/// A method with its handler, the message types erased.
package final class RegisteredMethod: Sendable {
    /// Starts a call.
    enum Handler: Sendable {
        case unary(UnaryStart)
        case streaming(
            MethodKind, endsWhenDraining: Bool, @Sendable (IncomingCall, ServerStream) -> Task<Void, Never>)
    }

    /// Its index in the order of registration, from 0 without gaps.
    package let index: Int
    /// Its schema.
    package let schema: AnyMethod
    package let service: String
    package let name: String
    /// Whether its calls are served however many the server has in flight.
    let isAlwaysServed: Bool
    let handler: Handler
    private let makeHandler: @Sendable () -> Handler
    private let serviceBytes: [UInt8]
    private let nameBytes: [UInt8]

    init(
        index: Int, _ schema: AnyMethod, isAlwaysServed: Bool,
        makeHandler: @escaping @Sendable () -> Handler
    ) {
        self.index = index
        self.isAlwaysServed = isAlwaysServed
        self.schema = schema
        service = schema.service
        name = schema.name
        self.makeHandler = makeHandler
        handler = makeHandler()
        serviceBytes = Array(schema.service.utf8)
        nameBytes = Array(schema.name.utf8)
    }

    /// A copy of the method that shares no object with it, not even the handler's closure.
    func copy() -> RegisteredMethod {
        RegisteredMethod(index: index, schema, isAlwaysServed: isAlwaysServed, makeHandler: makeHandler)
    }

    /// Whether this is its name.
    func hasName(_ bytes: UnsafeRawBufferPointer) -> Bool { nameBytes.equal(bytes) }

    /// Whether this is the full name of its service.
    func isOf(_ bytes: UnsafeRawBufferPointer) -> Bool { serviceBytes.equal(bytes) }

    /// Whether requests and responses are streams.
    package var kind: MethodKind {
        switch handler {
        case .unary: .unary
        case .streaming(let kind, _, _): kind
        }
    }

    /// Whether a call has one request and one response.
    package var isUnary: Bool {
        if case .unary = handler { true } else { false }
    }
}
