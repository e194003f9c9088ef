// What a connection remembers of what it sent: in which order the results have to come, and what they must
// look like.

/// What the server has been sent and not answered yet.
enum PendingResult {
    case prepare(PreparedStatement)
    /// For one caller, or for a set of them.
    case execute(ArraySlice<Attempt>, PreparedStatement)
    /// The end of a batch; exposed if a request to cancel may have hit it.
    case sync(statements: Int, isExposed: Bool)
}

/// A statement, with parameters of these types, as this connection knows it.
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
