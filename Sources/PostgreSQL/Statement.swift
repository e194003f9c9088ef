// A statement is its SQL text, identified by a small number. Every connection prepares it at first use, so that the server
// parses and plans it once; with the number, looking it up hashes no text.

import Synchronization

/// One SQL statement, prepared on each connection at its first use.
///
/// Make it once (`static let`), from text written in the program: each distinct text stays prepared for as
/// long as the connection lives. Values go in as parameters `$1`, `$2` …, never into the text.
public final class Statement: Hashable, Sendable {
    /// A text with its number.
    struct Text: Sendable {
        let sql: String
        let number: Int
    }

    let single: Text
    /// The form for many callers at once; nil if there is none.
    let batched: Text?
    /// Whether it is one of the short batched reads, which have a connection of their own.
    let isPointRead: Bool
    /// Whether it is planned at each execution, for its values and the present size of the tables.
    let isPlannedEachTime: Bool
    /// For each parameter of the lock statement, which of this statement's parameters it takes; nil if what the statement
    /// locks is not declared.
    let locks: [Int?]?

    /// The pool for this statement, if it reads.
    public var readPool: Database.Pool { isPointRead ? .pointReads : .reads }

    /// The SQL text.
    public var sql: String { single.sql }

    private static let numbers = Mutex<[String: Int]>([:])

    /// Registers the text; equal texts are the same statement.
    ///
    /// - Parameters:
    ///   - batched: the same statement for many callers, who then share one execution and not only one round trip: most of
    ///     what a small statement costs the server is to start and to end it. Each parameter is the array of the callers'
    ///     values (one that is an array already is the same for all of them). The first column of a row is the caller's
    ///     place in those arrays, a bigint from 1, and the rows are ordered by it. If the execution fails, each caller's
    ///     statement runs again alone, in the single form.
    ///   - isLong: whether one batched execution takes milliseconds, for which point reads must not wait.
    ///   - isPlannedEachTime: whether it is a report, which is planned at each execution with every kind of scan and join.
    ///     Others are planned once and find their rows by index. It only works for reads.
    ///   - locks: what a write locks: for each parameter of `DatabaseConfiguration.lockStatement`, which of this statement's
    ///     parameters is its value, from 0, or nil for NULL. A write without it shares no transaction.
    public init(
        _ sql: String, batched: String? = nil, isLong: Bool = false, isPlannedEachTime: Bool = false,
        locks: [Int?]? = nil
    ) {
        isPointRead = batched != nil && !isLong
        self.isPlannedEachTime = isPlannedEachTime
        self.locks = locks
        (single, self.batched) = Self.numbers.withLock { numbers in
            func register(_ sql: String) -> Text {
                let number = numbers[sql] ?? numbers.count
                numbers[sql] = number
                return Text(sql: sql, number: number)
            }
            return (register(sql), batched.map(register))
        }
    }

    /// Two statements are equal if their texts are.
    public static func == (left: Statement, right: Statement) -> Bool {
        left.single.number == right.single.number && left.batched?.number == right.batched?.number
    }

    /// Hashes the numbers of the texts.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(single.number)
        hasher.combine(batched?.number)
    }
}
