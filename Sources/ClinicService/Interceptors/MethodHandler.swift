// A handler as it is registered. Whatever it looks like, it becomes a function from a request and an authorized call to a
// reply: an async function and a query become operations.

internal import ClinicStore
internal import ProtobufC
internal import RPC

/// The handler of one unary method.
struct MethodHandler<Request: Message, Response: Message>: Sendable {
    /// The pool whose admission control a call needs; nil for that of its kind, writes or reads.
    let pool: Stores.Pool?
    /// Whether every call waits for the database, so that admission is asked before anything else.
    let alwaysWaits: Bool
    let reply: @Sendable (Request, AuthorizedCall) throws -> Reply<Response>

    /// An async function.
    static func task(
        _ handler: @escaping @Sendable (Request, AuthorizedCall) async throws -> Response
    ) -> MethodHandler {
        MethodHandler(pool: nil, alwaysWaits: true) { request, call in
            .pending(.task { try await handler(request, call) })
        }
    }

    /// One query, which takes no task.
    static func query(
        on pool: Stores.Pool = .reads,
        _ handler: @escaping @Sendable (Request, AuthorizedCall) throws -> Query<Response>
    ) -> MethodHandler {
        MethodHandler(pool: pool, alwaysWaits: true) { request, call in
            .pending(PendingOperation(try handler(request, call)))
        }
    }

    /// A function that mostly has its response in memory. Such a call never takes a task, and is not rejected because
    /// others wait for the database.
    static func inMemory(
        _ handler: @escaping @Sendable (Request, AuthorizedCall) throws -> Reply<Response>
    ) -> MethodHandler {
        MethodHandler(pool: nil, alwaysWaits: false, reply: handler)
    }
}

extension PendingOperation {
    /// The operation that is one query: it is sent with the others of its read batch.
    init(_ query: Query<Response>) {
        self.init { batch, completion in
            query.start(in: batch.value(BatchedStatements.self).statements) { answer, completions in
                completion(deferringWakeUpTo: completions, answer)
            }
        }
    }
}
