// The forms of a handler: an async function, a query, or a function of the cached directory. Each becomes a function from a
// request and an authorized call to a reply.

internal import ClinicStore
internal import ProtobufC
internal import RPC

/// The handler of one unary method.
enum MethodHandler<Request: Message, Response: Message>: Sendable {
    /// An async function. Every method that changes something has one.
    case task(@Sendable (Request, AuthorizedCall) async throws -> Response)
    /// One query, which takes no task.
    case query(on: Stores.Pool = .reads, @Sendable (Request, AuthorizedCall) throws -> Query<Response>)
    /// A function that mostly has its response in memory. Such a call never takes a task, and is not rejected because
    /// others wait for the database.
    case inMemory(@Sendable (Request, AuthorizedCall) throws -> Reply<Response>)
    /// The same, served however many calls the server has in flight: it always has its response, at little cost.
    case always(@Sendable (Request, AuthorizedCall) throws -> Response)

    /// The pool whose admission control a call needs.
    func pool(hasSideEffects: Bool) -> Stores.Pool {
        if case .query(let pool, _) = self { pool } else { hasSideEffects ? .writes : .reads }
    }

    /// Whether every call waits for the database, so that admission is asked before anything else.
    var alwaysWaits: Bool {
        switch self {
        case .task, .query: true
        case .inMemory, .always: false
        }
    }

    /// Whether its calls are served however many the server has in flight.
    var isAlwaysServed: Bool {
        if case .always = self { true } else { false }
    }

    /// The handler as a function.
    ///
    /// - Parameters:
    ///   - afterwards: is called behind each success of a task.
    ///   - failure: the error that the caller of a task gets for one that its handler has thrown.
    func reply(
        afterwards: (@Sendable () -> Void)?,
        failure: @escaping @Sendable (any Error, AuthorizedCall) async -> any Error
    ) -> @Sendable (Request, AuthorizedCall) throws -> Reply<Response> {
        switch self {
        case .task(let handler):
            { request, call in
                let share = try call.takeShare()
                return .pending(
                    .task {
                        defer { share?.end() }
                        do {
                            let response = try await handler(request, call)
                            afterwards?()
                            return response
                        } catch {
                            throw await failure(error, call)
                        }
                    })
            }
        case .query(_, let query):
            { request, call in
                let query = try query(request, call)
                return .pending(PendingOperation(query, for: call, share: try call.takeShare()))
            }
        case .inMemory(let handler): handler
        case .always(let handler): { .ready(try handler($0, $1)) }
        }
    }
}

extension PendingOperation {
    /// The operation of one query of a call, which is sent in its read batch.
    ///
    /// - Parameter share: is ended with the operation.
    init(_ query: Query<Response>, for call: AuthorizedCall, share: UserShare? = nil) {
        let fairnessKey = call.shareKey.number
        self.init { batch, completion in
            query.start(fairnessKey: fairnessKey, in: batch.value(BatchedStatements.self).statements) {
                answer, completions in
                share?.end()
                completion(deferringWakeUpTo: completions, answer)
            }
        }
    }
}
