// The result of a statement. The rows stay in libpq's memory and are decoded when they are read; one object owns them and
// frees them with the last row.

internal import CPostgreSQL

/// The owner of one libpq result.
///
final class QueryResult: QueryResponse, Sendable {
    /// Unsafe only to the compiler: libpq never changes a result that it has returned, and allows several threads to
    /// read it.
    nonisolated(unsafe) let pointer: OpaquePointer
    let rowCount: Int
    let columnCount: Int
    /// The type of each column.
    let columnTypes: [UInt32]

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        rowCount = Int(PQntuples(pointer))
        columnCount = Int(PQnfields(pointer))
        columnTypes = (0..<PQnfields(pointer)).map { PQftype(pointer, $0) }
    }

    deinit {
        PQclear(pointer)
    }

    /// A bigint; nil for NULL or anything else.
    func int64(row: Int, column: Int) -> Int64? {
        guard let value = value(row: row, column: column), value.count == 8 else { return nil }
        return Int64(bigEndian: value.loadUnaligned(as: Int64.self))
    }

    /// The type of a column; 0 if there is none.
    func type(column: Int) -> UInt32 { PQftype(pointer, Int32(truncatingIfNeeded: column)) }

    /// The bytes of one value, nil for NULL; they live as long as this object.
    func value(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        // As libpq counts them; it takes those that do not exist for NULL.
        let (row, column) = (Int32(truncatingIfNeeded: row), Int32(truncatingIfNeeded: column))
        let count = Int(PQgetlength(pointer, row, column))
        if count == 0, PQgetisnull(pointer, row, column) != 0 { return nil }
        return UnsafeRawBufferPointer(start: PQgetvalue(pointer, row, column), count: count)
    }
}

extension QueryResult {
    /// Splits the rows among callers who shared the execution: by their first column, the caller's place from 1, in that
    /// order. Nil if they are not so. A single caller gets all.
    func shares(count: Int) -> [Rows]? {
        guard count > 1 else { return [Rows(self)] }
        guard columnCount > 0, type(column: 0) == TypeIdentifier.int8 else { return nil }
        var shares: [Rows] = []
        shares.reserveCapacity(count)
        var row = 0
        for place in 1...count {
            let start = row
            while row < rowCount, int64(row: row, column: 0) == Int64(place) { row += 1 }
            shares.append(Rows(self, start..<row, hiddenColumns: 1))
        }
        return row == rowCount ? shares : nil
    }
}

/// The rows that a statement returned, in its order.
public struct Rows: Sendable, RandomAccessCollection {
    private let result: QueryResult
    /// Its range in the result's rows, and how many leading columns are not the caller's.
    private let range: Range<Int>
    private let hiddenColumns: Int

    /// All rows of a result.
    init(_ result: QueryResult) {
        self.init(result, 0..<result.rowCount, hiddenColumns: 0)
    }

    fileprivate init(_ result: QueryResult, _ range: Range<Int>, hiddenColumns: Int) {
        self.result = result
        self.range = range
        self.hiddenColumns = hiddenColumns
    }

    /// Always 0.
    public var startIndex: Int { 0 }
    /// The number of rows.
    public var endIndex: Int { range.count }

    /// A reader at the first column of the row; a row out of range has no columns.
    public subscript(position: Int) -> Row {
        Row(
            result: result, row: range.lowerBound &+ position, from: hiddenColumns,
            to: position >= 0 && position < range.count ? result.columnCount : 0)
    }

    /// How many rows the statement inserted, changed, deleted or selected.
    public var affectedCount: Int {
        guard hiddenColumns == 0 else { return count }
        guard let text = PQcmdTuples(result.pointer) else { return 0 }
        return Int(String(cString: text)) ?? 0
    }
}
