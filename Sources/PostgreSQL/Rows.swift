// What a statement answered. The rows stay where libpq put them and are decoded when they are read; one Swift
// object owns them and frees them when the last row is forgotten.

internal import CPostgreSQL

/// The one owner of a libpq result.
///
/// Unchecked: libpq's results never change once they are handed out, and reading one from several threads is
/// what its documentation allows.
final class QueryResult: @unchecked Sendable {
    let pointer: OpaquePointer
    let rowCount: Int
    let columnCount: Int
    /// The type of each column, asked for once and not for each row.
    private let types: [UInt32]

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        rowCount = Int(PQntuples(pointer))
        columnCount = Int(PQnfields(pointer))
        types = (0..<PQnfields(pointer)).map { PQftype(pointer, $0) }
    }

    deinit {
        PQclear(pointer)
    }

    /// A bigint; nil for NULL or anything else.
    func int64(row: Int, column: Int) -> Int64? {
        guard let value = value(row: row, column: column), value.count == 8 else { return nil }
        return Int64(bigEndian: value.loadUnaligned(as: Int64.self))
    }

    func type(column: Int) -> UInt32 {
        types.indices.contains(column) ? types[column] : 0
    }

    /// The bytes of one value, nil for NULL; they live as long as this object.
    func value(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        guard let row = Int32(exactly: row), let column = Int32(exactly: column) else { return nil }
        let count = Int(PQgetlength(pointer, row, column))
        if count == 0, PQgetisnull(pointer, row, column) != 0 { return nil }
        return UnsafeRawBufferPointer(start: PQgetvalue(pointer, row, column), count: count)
    }
}

/// The rows a statement answered, in its order.
public struct Rows: Sendable, RandomAccessCollection {
    private let result: QueryResult
    /// Which of the result's rows they are, and how many of its columns are not the caller's.
    private let range: Range<Int>
    private let hiddenColumns: Int

    /// All rows of a result.
    init(_ result: QueryResult) {
        self.init(result, 0..<result.rowCount, hiddenColumns: 0)
    }

    private init(_ result: QueryResult, _ range: Range<Int>, hiddenColumns: Int) {
        self.result = result
        self.range = range
        self.hiddenColumns = hiddenColumns
    }

    /// Always 0.
    public var startIndex: Int { 0 }
    /// The number of rows.
    public var endIndex: Int { range.count }

    /// A reader at the first column of the row; a row that is not there reads as one without columns.
    public subscript(position: Int) -> Row {
        Row(
            result: result, row: range.lowerBound &+ position, from: hiddenColumns,
            to: position >= 0 && position < range.count ? result.columnCount : 0)
    }

    /// Whose rows these are of so many callers: all of them the only one's; else by their first column, whose place in
    /// the set of callers it is, from 1 and in that order. Nil if it is not.
    static func shares(of result: QueryResult, count: Int) -> [Rows]? {
        guard count > 1 else { return [Rows(result)] }
        guard result.columnCount > 0, result.type(column: 0) == TypeIdentifier.int8 else { return nil }
        var shares: [Rows] = []
        shares.reserveCapacity(count)
        var row = 0
        for place in 1...count {
            let start = row
            while row < result.rowCount, result.int64(row: row, column: 0) == Int64(place) { row += 1 }
            shares.append(Rows(result, start..<row, hiddenColumns: 1))
        }
        return row == result.rowCount ? shares : nil
    }

    /// How many rows the statement inserted, changed, deleted or selected.
    public var affectedCount: Int {
        guard hiddenColumns == 0 else { return count }
        guard let text = PQcmdTuples(result.pointer) else { return 0 }
        return Int(String(cString: text)) ?? 0
    }
}
