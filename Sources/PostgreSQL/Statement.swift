// A statement is its SQL text, known by a small number. Every connection prepares it at first use, so that
// the server parses and plans it once; the number makes finding it again an array access instead of hashing
// the text.

import Synchronization

/// One SQL statement, prepared on each connection at its first use.
///
/// Make it once (`static let`), from text written in the program: each distinct text stays prepared for as
/// long as the connection lives. Values go in as parameters `$1`, `$2` …, never into the text.
public struct Statement: Hashable, Sendable {
    /// The SQL text.
    public let sql: String
    let number: Int

    private static let numbers = Mutex<[String: Int]>([:])

    /// Registers the text; equal texts are the same statement.
    public init(_ sql: String) {
        self.sql = sql
        number = Self.numbers.withLock { numbers in
            if let known = numbers[sql] { return known }
            let new = numbers.count
            numbers[sql] = new
            return new
        }
    }

    /// Two statements are equal if their texts are.
    public static func == (left: Statement, right: Statement) -> Bool {
        left.number == right.number
    }

    /// Hashes the number that stands for the text.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(number)
    }
}
