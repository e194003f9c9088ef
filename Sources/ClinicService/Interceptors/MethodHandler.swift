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

    /// The pool whose admission control a call needs.
    func pool(hasSideEffects: Bool) -> Stores.Pool {
        if case .query(let pool, _) = self { pool } else { hasSideEffects ? .writes : .reads }
    }

    /// Whether every call waits for the database, so that admission is asked before anything else.
    var alwaysWaits: Bool {
        if case .inMemory = self { false } else { true }
    }

    /// The handler as a function.
    ///
    /// - Parameter afterwards: is called behind each success of a task.
    func reply(
        afterwards: (@Sendable () -> Void)?
    ) -> @Sendable (Request, AuthorizedCall) throws -> Reply<Response> {
        switch self {
        case .task(let handler):
            { request, call in
                .pending(
                    .task {
                        let response = try await handler(request, call)
                        afterwards?()
                        return response
                    })
            }
        case .query(_, let query): { .pending(PendingOperation(try query($0, $1))) }
        case .inMemory(let handler): handler
        }
    }
}

extension PendingOperation {
    /// The operation of one query, which is sent in its read batch.
    init(_ query: Query<Response>) {
        self.init { batch, completion in
            query.start(in: batch.value(BatchedStatements.self).statements) { answer, completions in
                completion(deferringWakeUpTo: completions, answer)
            }
        }
    }
}
