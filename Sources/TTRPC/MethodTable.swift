// Which methods a server has. The daemon fills a table once, before the server starts; from then on it is only
// read. Registration erases the message types, so that a connection can start any method in the same way.

internal import Glibc
internal import NIOCore
public import ProtobufC
internal import Synchronization

/// The methods of a server with their handlers.
public struct MethodTable: Sendable {
    /// The methods in buckets by a hash of their names; the number of buckets is a power of two.
    private var buckets: [[RegisteredMethod]] = [[]]
    private var count = 0

    /// A table without methods.
    public init() {}

    /// The methods that are registered, as `service/method`, sorted.
    public var names: [String] {
        buckets.joined().map { "\($0.service)/\($0.name)" }.sorted()
    }

    /// Adds a method, or gives it another handler.
    ///
    /// The handler runs on the event loop of its connection: it may wait, but not block. What it throws is the
    /// answer if it is a `Status`; `CancellationError` is CANCELLED, anything else INTERNAL without its text.
    public mutating func register<Request, Response>(
        _ method: Method<Request, Response>,
        _ handler: @escaping @Sendable (UnaryCall<Request>) async throws -> Response
    ) {
        registerStart(of: method) { call in .waits { try await handler(call) } }
    }

    /// Adds a method by the beginning of its handler, which is called on the event loop and may neither wait nor block:
    /// it answers, or returns what has to wait. Only that takes a task, which costs more than a small answer. What it
    /// throws is the answer, as above. Inlined, so that it is made for each method's messages: generic at run time it was a
    /// tenth of a small call.
    @inlinable public mutating func registerStart<Request, Response>(
        of method: Method<Request, Response>,
        _ begin: @escaping @Sendable (UnaryCall<Request>) throws -> HandlerStart<Response>
    ) {
        insertUnary(method.service, method.name) {
            { (call: consuming ReceivedCall, responder: Responder) in
                do {
                    switch try begin(UnaryCall(received: consume call)) {
                    case .answers(let response):
                        responder.succeed(response)
                        return nil
                    case .answersPacked(let head, let rest):
                        responder.succeed(rest, behind: head)
                        return nil
                    case .asks(let ask):
                        return ask(Completion { responder.finish($0) })
                    case .waits(let rest):
                        return responder.run(rest)
                    case .overloaded:
                        responder.turnAway()
                        return nil
                    }
                } catch {
                    responder.fail(error)
                    return nil
                }
            }
        }
    }

    @usableFromInline mutating func insertUnary(
        _ service: String, _ name: String, _ makeStart: @escaping @Sendable () -> UnaryStart
    ) {
        insert(service, name) { .unary(makeStart()) }
    }

    /// Adds a method whose handler sends any number of responses; the stream ends when it returns or throws.
    ///
    /// One that would go on for ever is registered with `endsWhenDraining`: when the server shuts down it is
    /// answered with UNAVAILABLE at once and its task cancelled, so that its client can go on with another server.
    /// Otherwise as above.
    public mutating func register<Request, Response>(
        _ method: ServerStreamingMethod<Request, Response>, endsWhenDraining: Bool = false,
        _ handler: @escaping @Sendable (UnaryCall<Request>, ResponseWriter<Response>) async throws -> Void
    ) {
        insert(method.service, method.name) {
            .streaming(.serverStreaming, endsWhenDraining: endsWhenDraining) { call, stream in
                stream.run { stream in
                    try await handler(UnaryCall(received: call), ResponseWriter(stream: stream))
                    stream.endResponses()
                }
            }
        }
    }

    /// Adds a method whose handler takes any number of requests and returns one response, which may be before the
    /// last of them has come. `endsWhenDraining` as above.
    public mutating func register<Request, Response>(
        _ method: ClientStreamingMethod<Request, Response>, endsWhenDraining: Bool = false,
        _ handler: @escaping @Sendable (StreamingCall, RequestStream<Request>) async throws -> Response
    ) {
        insert(method.service, method.name) {
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
        insert(method.service, method.name) {
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

    /// The same methods in objects of their own: threads that count references to the same ones wait for each other, which
    /// was a tenth of a small call.
    func copy() -> MethodTable {
        var table = self
        table.buckets = buckets.map { $0.map { $0.copy() } }
        return table
    }

    /// The methods in the order of their indices.
    var inOrder: [RegisteredMethod] { buckets.joined().sorted { $0.index < $1.index } }

    /// Finds a method by the names in a request, or says which of them is unknown.
    func find(
        service: UnsafeRawBufferPointer, method: UnsafeRawBufferPointer
    ) -> Result<RegisteredMethod, UnknownMethod> {
        for candidate in buckets[Self.bucket(of: method, count: buckets.count)]
        where candidate.hasName(method) && candidate.isOf(service) {
            return .success(candidate)
        }
        return .failure(buckets.joined().contains { $0.isOf(service) } ? .method : .service)
    }

    private mutating func insert(
        _ service: String, _ name: String, _ makeHandler: @escaping @Sendable () -> RegisteredMethod.Handler
    ) {
        let bucket = Self.bucket(of: name, count: buckets.count)
        if let known = buckets[bucket].firstIndex(where: { $0.name == name && $0.service == service }) {
            buckets[bucket][known] = RegisteredMethod(
                index: buckets[bucket][known].index, service: service, name: name, makeHandler: makeHandler)
            return
        }
        buckets[bucket].append(
            RegisteredMethod(index: count, service: service, name: name, makeHandler: makeHandler))
        count += 1
        guard count > buckets.count / 2 else { return }
        let methods = Array(buckets.joined())
        buckets = Array(repeating: [], count: buckets.count * 4)
        for method in methods { buckets[Self.bucket(of: method.name, count: buckets.count)].append(method) }
    }

    /// A hash of the method's bytes alone, which are few and differ. It need not withstand chosen names: what is
    /// in the table is ours, and a name that is not costs one bucket.
    private static func bucket(of method: UnsafeRawBufferPointer, count: Int) -> Int {
        var hash: UInt32 = 2_166_136_261
        for index in 0..<min(method.count, 64) { hash = (hash ^ UInt32(method[index])) &* 16_777_619 }
        return Int(hash) & (count - 1)
    }

    private static func bucket(of method: String, count: Int) -> Int {
        Array(method.utf8).withUnsafeBytes { bucket(of: $0, count: count) }
    }
}

/// How far the beginning of a handler came.
public enum HandlerStart<Response: Message>: Sendable {
    /// To the answer.
    case answers(Response)
    /// To an answer that is encoded already, but for what is in the message: as `Message.withEncoded(behind:)` takes it.
    case answersPacked(ArraySlice<UInt8>, Response)
    /// To a question that somebody else answers, which this asks: it returns what gives the question up. It takes no task.
    case asks(@Sendable (Completion<Response>) -> any Cancellable)
    /// To something that it has to wait for; this is the rest of it.
    case waits(@Sendable () async throws -> Response)
    /// To no more than a look: it would wait too long. The caller is told to try again later, with as little work as goes.
    case overloaded
}

extension HandlerStart {
    /// The rest of the way, for whoever has a task.
    public func response() async throws -> Response {
        switch self {
        case .answers(let response): return response
        case .answersPacked(let head, let rest):
            return try Response(decoding: head + rest.encoded(), limits: .client)
        case .waits(let rest): return try await rest()
        case .overloaded: throw Refusal.overloaded.status(domain: nil)
        case .asks(let ask):
            let asked = Mutex<(any Cancellable)?>(nil)
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let work = ask(
                        Completion { answer in continuation.resume(with: Result(catching: answer)) })
                    asked.withLock { $0 = work }
                    if Task.isCancelled { work.cancel() }
                }
            } onCancel: {
                asked.withLock(\.self)?.cancel()
            }
        }
    }
}

/// What can be told that nobody waits for it any more.
public protocol Cancellable: Sendable {
    /// Ends it soon, if it has not ended; from any thread.
    func cancel()
}

extension Task: Cancellable {}

/// The end of a call that asks somebody.
public struct Completion<Response: Message>: Sendable {
    private let end: @Sendable (_ answer: @escaping @Sendable () throws -> Response) -> Void

    /// An end by the closure.
    public init(_ end: @escaping @Sendable (_ answer: @escaping @Sendable () throws -> Response) -> Void) {
        self.end = end
    }

    /// Ends the call with what the closure returns or throws; to be called once, from any thread. The closure runs on the
    /// event loop of the call's connection, later, and may not block.
    public func callAsFunction(_ answer: @escaping @Sendable () throws -> Response) { end(answer) }

    /// The same end, by what the closure makes of the answer.
    public func after(
        _ transform: @escaping @Sendable (_ answer: () throws -> Response) throws -> Response
    ) -> Completion {
        Completion { [end] answer in end { try transform(answer) } }
    }
}

/// Which name of a request is unknown.
enum UnknownMethod: Error {
    case service
    case method
}

/// Runs the handler of a unary call up to where it first waits, or to its end.
@usableFromInline typealias UnaryStart = @Sendable (consuming ReceivedCall, Responder) -> (any Cancellable)?

/// A method with its handler, the message types erased.
final class RegisteredMethod: Sendable {
    /// Runs the handler up to where it first waits, or to its end.
    enum Handler: Sendable {
        /// Nil for one that has ended.
        case unary(UnaryStart)
        case streaming(
            MethodKind, endsWhenDraining: Bool, @Sendable (ReceivedCall, ServerStream) -> Task<Void, Never>)
    }

    /// Its place in the order of registration, from 0 without gaps.
    let index: Int
    let service: String
    let name: String
    let handler: Handler
    private let makeHandler: @Sendable () -> Handler
    let names: EncodedNames
    private let serviceBytes: [UInt8]
    private let nameBytes: [UInt8]

    init(index: Int, service: String, name: String, makeHandler: @escaping @Sendable () -> Handler) {
        self.index = index
        self.service = service
        self.name = name
        self.makeHandler = makeHandler
        handler = makeHandler()
        names = EncodedNames(service: service, method: name)
        serviceBytes = Array(service.utf8)
        nameBytes = Array(name.utf8)
    }

    /// The same method in an object of its own, its handler's closure too.
    func copy() -> RegisteredMethod {
        RegisteredMethod(index: index, service: service, name: name, makeHandler: makeHandler)
    }

    /// Whether this is its name.
    func hasName(_ bytes: UnsafeRawBufferPointer) -> Bool { nameBytes.equal(bytes) }

    /// Whether this is the full name of its service.
    func isOf(_ bytes: UnsafeRawBufferPointer) -> Bool { serviceBytes.equal(bytes) }

    /// Whether a call of it is one request and one answer.
    var isUnary: Bool {
        if case .unary = handler { true } else { false }
    }
}

/// The way back from a handler to its connection. It travels with the handler's task but is used on the event
/// loop only, which is checked where a task comes back to it; this is why it is `@unchecked Sendable`.
@usableFromInline struct Responder: @unchecked Sendable {
    private let connection: ServerConnection
    private let token: CallToken

    init(connection: ServerConnection, token: CallToken) {
        self.connection = connection
        self.token = token
    }

    /// Runs the rest of a handler up to where it first waits, or to its end.
    @usableFromInline func run(
        _ rest: @escaping @Sendable () async throws -> some Message
    ) -> Task<Void, Never> {
        Task.immediate(executorPreference: executor) {
            do {
                let response = try await rest()
                executor.eventLoop.preconditionInEventLoop()
                succeed(response)
            } catch {
                executor.eventLoop.preconditionInEventLoop()
                fail(error)
            }
        }
    }

    /// Ends the call on the event loop, in a wake-up.
    @usableFromInline func finish(_ answer: @escaping @Sendable () throws -> some Message) {
        executor.run {
            do {
                succeed(try answer())
            } catch {
                fail(error)
            }
        }
    }

    /// Where the handler's task is to run.
    private var executor: EventLoopExecutor { connection.executor }

    /// The handler returned this.
    @inlinable func succeed(_ response: some Message, behind head: ArraySlice<UInt8> = []) {
        response.withEncoded(behind: head) { succeed(encoded: $0) }
    }

    @usableFromInline func succeed(encoded response: EncodedMessage) {
        connection.handlerSucceeded(token, response)
    }

    /// The handler has no room for the call.
    @usableFromInline func turnAway() {
        connection.handlerTurnedAway(token)
    }

    /// The handler threw this.
    @usableFromInline func fail(_ error: any Error) {
        connection.handlerFailed(token, error)
    }
}
