// A question that one statement answers, before it is asked: whoever serves callers decides how to wait for the answer.
internal import PostgreSQL

/// A question to the database.
public struct Query<Answer>: Sendable {
    private let database: Database
    private let statement: Statement
    private let parameters: [SQLValue]
    private let cost: Int
    private let read: @Sendable (Rows) throws -> Answer

    /// - Parameter cost: how much work it is, in small statements.
    init(
        _ database: Database, _ statement: Statement, _ parameters: [SQLValue] = [], cost: Int = 1,
        _ read: @escaping @Sendable (Rows) throws -> Answer
    ) {
        self.database = database
        self.statement = statement
        self.parameters = parameters
        self.cost = cost
        self.read = read
    }

    /// The same question with another answer, made of this one's.
    public func map<Other>(_ transform: @escaping @Sendable (Answer) throws -> Other) -> Query<Other> {
        Query<Other>(database, statement, parameters, cost: cost) { [read] rows in
            try transform(read(rows))
        }
    }

    /// Asks it and waits for the answer.
    ///
    /// - Parameter context: the call that asks; nil for the program itself.
    public func answer(for context: RequestContext?) async throws -> Answer {
        try read(try await database.read(statement, parameters, for: context, cost: cost))
    }

    /// Begins it in a batch, without a task. `completion` is called once, on whichever thread has the result, with what makes
    /// the answer or throws why there is none.
    public func start(
        fairnessKey: UInt64?, in batch: StoreBatch?,
        completion:
            @escaping @Sendable (_ answer: @escaping @Sendable () throws -> Answer, StoreCompletions) -> Void
    ) -> StoreStatement {
        StoreStatement(
            statement: database.submit(
                statement, parameters, to: statement.readPool, fairnessKey: fairnessKey, cost: cost,
                in: batch?.statements
            ) { [read] result, completions in
                completion({ try read(result.get()) }, StoreCompletions(batch: completions))
            })
    }
}

extension Query where Answer: Record {
    /// The record with the id that is the first parameter. Refused for that reason where there is none.
    init(
        _ database: Database, _ statement: Statement, _ parameters: [SQLValue],
        orRefused reason: Refusal.Reason
    ) {
        self.init(database, statement, parameters) { rows in
            guard var row = rows.first else {
                guard case .int64(let id?) = parameters.first else { throw Refusal(reason) }
                throw Refusal(reason, id: id)
            }
            return try Answer(reading: &row)
        }
    }
}
