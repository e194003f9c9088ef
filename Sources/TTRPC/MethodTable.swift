// Which methods a server has. The daemon fills a table once, before the server starts; from then on it is only
// read. Registration erases the message types, so that a connection can start any method in the same way.

internal import NIOCore
public import ProtobufC

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
        insert(
            RegisteredMethod(service: method.service, name: method.name) { call, responder in
                Task.immediate(executorPreference: responder.executor) {
                    do {
                        responder.succeed(try await handler(UnaryCall(received: call)))
                    } catch {
                        responder.fail(error)
                    }
                }
            })
    }

    /// Finds a method by the names in a request, or says which of them is unknown.
    func find(service: String, method: String) -> Result<RegisteredMethod, UnknownMethod> {
        let bucket = buckets[Self.bucket(of: method, count: buckets.count)]
        for candidate in bucket where candidate.name == method && candidate.service == service {
            return .success(candidate)
        }
        return .failure(buckets.joined().contains { $0.service == service } ? .method : .service)
    }

    private mutating func insert(_ method: RegisteredMethod) {
        let index = Self.bucket(of: method.name, count: buckets.count)
        if let known = buckets[index].firstIndex(where: { $0.isNamed(like: method) }) {
            buckets[index][known] = method
            return
        }
        buckets[index].append(method)
        count += 1
        guard count > buckets.count / 2 else { return }
        let methods = Array(buckets.joined())
        buckets = Array(repeating: [], count: buckets.count * 4)
        for method in methods { buckets[Self.bucket(of: method.name, count: buckets.count)].append(method) }
    }

    /// A hash of the method's bytes alone, which are few and differ. It need not withstand chosen names: what is
    /// in the table is ours, and a name that is not costs one bucket.
    private static func bucket(of method: String, count: Int) -> Int {
        let hash = method.utf8.withContiguousStorageIfAvailable { bytes in
            bytes.prefix(64).reduce(2_166_136_261 as UInt32) { ($0 ^ UInt32($1)) &* 16_777_619 }
        }
        return Int(hash ?? 0) & (count - 1)
    }
}

/// Which name of a request is unknown.
enum UnknownMethod: Error {
    case service
    case method
}

/// A method with its handler, the message types erased.
final class RegisteredMethod: Sendable {
    let service: String
    let name: String
    /// Runs the handler up to where it first waits, or to its end.
    let start: @Sendable (ReceivedCall, Responder) -> Task<Void, Never>

    init(
        service: String, name: String,
        start: @escaping @Sendable (ReceivedCall, Responder) -> Task<Void, Never>
    ) {
        self.service = service
        self.name = name
        self.start = start
    }

    func isNamed(like other: RegisteredMethod) -> Bool {
        name == other.name && service == other.service
    }
}

/// The way back from a handler to its connection. It travels with the handler's task but is used on the event
/// loop only, which is checked; this is why it is `@unchecked Sendable`.
struct Responder: @unchecked Sendable {
    private let connection: ServerConnection
    private let token: CallToken

    init(connection: ServerConnection, token: CallToken) {
        self.connection = connection
        self.token = token
    }

    /// Where the handler's task is to run.
    var executor: EventLoopExecutor { connection.executor }

    /// The handler returned this.
    func succeed(_ response: some Message) {
        executor.eventLoop.preconditionInEventLoop()
        connection.handlerSucceeded(token, response)
    }

    /// The handler threw this.
    func fail(_ error: any Error) {
        executor.eventLoop.preconditionInEventLoop()
        connection.handlerFailed(token, error)
    }
}
