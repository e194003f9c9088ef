// What a connection remembers of what it sent: in which order the results have to come, and what they must look like.

/// A result that the server owes.
enum PendingResult {
    case prepare(PreparedStatement)
    /// For one caller, or for several who share the execution.
    case execute(ArraySlice<Attempt>, PreparedStatement)
    /// The end of a batch; exposed if a request to cancel may have hit it.
    case sync(statements: Int, isExposed: Bool)
}

/// A statement, with parameters of these types, as one connection knows it.
final class PreparedStatement {
    let name: String
    let types: [UInt32]
    var isConfirmed = false
    /// False once the server refused it or lost it; the name is not used again.
    var isUsable = true
    /// The column types of its results, known from the first.
    var columns: [UInt32]?

    init(name: String, types: [UInt32]) {
        self.name = name
        self.types = types
    }
}

/// A successful result of the server, from whose rows each caller of an execution gets its own.
protocol QueryResponse {
    associatedtype Share: Sendable
    /// The type of each column.
    var columnTypes: [UInt32] { get }
    /// The rows of each of so many callers; nil if they do not say whose they are.
    func shares(count: Int) -> [Share]?
}

/// What a connection received, to be acted on outside its lock.
struct CompletedResults<Share: Sendable>: Sendable {
    var completed: [(request: StatementRequest, outcome: Result<Share, DatabaseError>)] = []
    /// To be sent again now.
    var again: [Attempt] = []
    /// To be sent again after a pause: another transaction was in the way.
    var later: [Attempt] = []
    /// How many Syncs came back.
    var batches = 0
    /// Why the connection can no longer be used.
    var lost: String?
}
