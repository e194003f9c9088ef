// Which methods a server has. The daemon fills a table once, before the server starts; from then on it is only
// read. Registration erases the message types, so that a connection can start any method in the same way.

internal import NIOCore
public import ProtobufC

/// The methods of a server with their handlers.
public struct MethodTable: Sendable {
    private var services: [String: [String: RegisteredMethod]] = [:]

    /// A table without methods.
    public init() {}

    /// The methods that are registered, as `service/method`, sorted.
    public var names: [String] {
        services.flatMap { service in service.value.keys.map { "\(service.key)/\($0)" } }.sorted()
    }

    /// Adds a method, or gives it another handler.
    ///
    /// The handler runs on the event loop of its connection: it may wait, but not block. What it throws is the
    /// answer if it is a `Status`; `CancellationError` is CANCELLED, anything else INTERNAL without its text.
    public mutating func register<Request, Response>(
        _ method: Method<Request, Response>,
        _ handler: @escaping @Sendable (UnaryCall<Request>) async throws -> Response
    ) {
        services[method.service, default: [:]][method.name] = RegisteredMethod(
            service: method.service, name: method.name
        ) { call, responder in
            Task.immediate(executorPreference: responder.executor) {
                do {
                    responder.succeed(try await handler(UnaryCall(received: call)))
                } catch {
                    responder.fail(error)
                }
            }
        }
    }

    /// Finds a method by the names in a request, or says which of them is unknown.
    func find(service: String, method: String) -> Result<RegisteredMethod, UnknownMethod> {
        guard let methods = services[service] else { return .failure(.service) }
        guard let found = methods[method] else { return .failure(.method) }
        return .success(found)
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
