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

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        rowCount = Int(PQntuples(pointer))
        columnCount = Int(PQnfields(pointer))
    }

    deinit {
        PQclear(pointer)
    }

    func type(column: Int) -> UInt32 {
        guard let column = Int32(exactly: column) else { return 0 }
        return PQftype(pointer, column)
    }

    /// The bytes of one value, nil for NULL; they live as long as this object.
    func value(row: Int, column: Int) -> UnsafeRawBufferPointer? {
        guard let row = Int32(exactly: row), let column = Int32(exactly: column),
            PQgetisnull(pointer, row, column) == 0
        else { return nil }
        return UnsafeRawBufferPointer(
            start: PQgetvalue(pointer, row, column), count: Int(PQgetlength(pointer, row, column)))
    }
}

/// The rows a statement answered, in its order.
public struct Rows: Sendable, RandomAccessCollection {
    let result: QueryResult

    /// Always 0.
    public var startIndex: Int { 0 }
    /// The number of rows.
    public var endIndex: Int { result.rowCount }

    /// A reader at the first column of the row; a row that is not there reads as one without columns.
    public subscript(position: Int) -> Row {
        Row(
            result: result, row: position,
            columnCount: position >= 0 && position < endIndex ? result.columnCount : 0)
    }

    /// How many rows the statement inserted, changed, deleted or selected.
    public var affectedCount: Int {
        guard let text = PQcmdTuples(result.pointer) else { return 0 }
        return Int(String(cString: text)) ?? 0
    }
}
