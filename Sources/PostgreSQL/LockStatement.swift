// How one transaction serves writes of several callers without a deadlock: one statement takes the locks of all of them, in
// one order, before the first of them runs.

/// The statement that takes the locks of a shared transaction.
///
/// Its parameters are arrays with one place for each caller. `Statement.locks` says which of a caller's values stand there.
public struct LockStatement: Sendable {
    let text: Statement.Text
    /// A NULL of each parameter's element type.
    let elements: [SQLValue]

    /// Registers the text.
    ///
    /// - Parameter elements: for each parameter `$1`, `$2` … a NULL of the type of its elements.
    public init(_ sql: String, elements: [SQLValue]) {
        text = Statement(sql).single
        self.elements = elements
    }
}
