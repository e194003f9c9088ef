// Reads one row column by column, in the order of the SELECT list. Bytes from the server are a peer's bytes:
// a wrong type, an unexpected NULL or a short value is an error, never a trap.

/// A sequential reader of one row: each call reads the next column.
///
/// Every method throws a `DatabaseError` of kind `.decoding` if the column is not there, is NULL where the
/// method does not return an optional, or has another type.
public struct Row: Sendable {
    private let result: QueryResult
    private let row: Int
    private let columnCount: Int
    private var column: Int

    init(result: QueryResult, row: Int, from column: Int, to columnCount: Int) {
        self.result = result
        self.row = row
        self.column = column
        self.columnCount = columnCount
    }

    /// The next column as an integer: bigint, integer or smallint.
    public mutating func int64() throws(DatabaseError) -> Int64 {
        try required(optionalInt64())
    }

    /// The next column as an integer or NULL: bigint, integer or smallint.
    public mutating func optionalInt64() throws(DatabaseError) -> Int64? {
        let (type, value) = try next()
        guard let value else { return nil }
        return try integer(value, type: type)
    }

    /// The next column as a boolean.
    public mutating func bool() throws(DatabaseError) -> Bool {
        try required(optionalBool())
    }

    /// The next column as a boolean or NULL.
    public mutating func optionalBool() throws(DatabaseError) -> Bool? {
        let (type, value) = try next()
        guard let value else { return nil }
        guard type == TypeIdentifier.bool, value.count == 1 else { throw mismatch("a boolean", type) }
        return value[0] != 0
    }

    /// The next column as text: text, varchar, char, name, json or jsonb.
    public mutating func text() throws(DatabaseError) -> String {
        try required(optionalText())
    }

    /// The next column as text or NULL: text, varchar, char, name, json or jsonb.
    public mutating func optionalText() throws(DatabaseError) -> String? {
        let (type, value) = try next()
        guard var value else { return nil }
        switch type {
        case TypeIdentifier.text, TypeIdentifier.varchar, TypeIdentifier.bpchar, TypeIdentifier.name,
            TypeIdentifier.json, TypeIdentifier.unknown:
            break
        case TypeIdentifier.jsonb:
            // jsonb_send puts a version byte, always 1, before the text.
            guard value.first == 1 else { throw mismatch("text", type) }
            value = UnsafeRawBufferPointer(rebasing: value.dropFirst())
        default: throw mismatch("text", type)
        }
        return try string(value)
    }

    /// The next column as bytes: bytea, or the 16 bytes of a uuid.
    public mutating func bytes() throws(DatabaseError) -> [UInt8] {
        try required(optionalBytes())
    }

    /// The next column as bytes or NULL: bytea, or the 16 bytes of a uuid.
    public mutating func optionalBytes() throws(DatabaseError) -> [UInt8]? {
        let (type, value) = try next()
        guard let value else { return nil }
        guard type == TypeIdentifier.bytea || type == TypeIdentifier.uuid else {
            throw mismatch("bytes", type)
        }
        return [UInt8](value)
    }

    /// The next column as a time, in microseconds since the Unix epoch: timestamptz, or timestamp read as
    /// UTC.
    public mutating func timestamp() throws(DatabaseError) -> Int64 {
        try required(optionalTimestamp())
    }

    /// The next column as a time or NULL, in microseconds since the Unix epoch.
    public mutating func optionalTimestamp() throws(DatabaseError) -> Int64? {
        let (type, value) = try next()
        guard let value else { return nil }
        guard type == TypeIdentifier.timestamptz || type == TypeIdentifier.timestamp else {
            throw mismatch("a time", type)
        }
        return try time(value, type: type)
    }

    /// The next column as a date, in days since the Unix epoch.
    public mutating func date() throws(DatabaseError) -> Int {
        try required(optionalDate())
    }

    /// The next column as a date or NULL, in days since the Unix epoch.
    public mutating func optionalDate() throws(DatabaseError) -> Int? {
        let (type, value) = try next()
        guard let value else { return nil }
        guard type == TypeIdentifier.date, value.count == 4 else { throw mismatch("a date", type) }
        let server = load(value, as: Int32.self)
        guard server != .min, server != .max else { throw mismatch("a finite date", type) }
        return Int(server) + SQLValue.epochDays
    }

    /// The next column as integers: bigint[], integer[] or smallint[] of one dimension without NULLs.
    public mutating func int64Array() throws(DatabaseError) -> [Int64] {
        try required(optionalInt64Array())
    }

    /// The next column as integers or NULL: bigint[], integer[] or smallint[] of one dimension without NULLs.
    public mutating func optionalInt64Array() throws(DatabaseError) -> [Int64]? {
        let (type, value) = try next()
        let elementType: UInt32
        switch type {
        case TypeIdentifier.int8Array: elementType = TypeIdentifier.int8
        case TypeIdentifier.int4Array: elementType = TypeIdentifier.int4
        case TypeIdentifier.int2Array: elementType = TypeIdentifier.int2
        default: throw mismatch("an array of integers", type)
        }
        guard let value else { return nil }
        return try elements(of: value) { element throws(DatabaseError) in
            try integer(element, type: elementType)
        }
    }

    /// The next column as times, in microseconds since the Unix epoch: timestamptz[] of one dimension without
    /// NULLs or infinities.
    public mutating func timestampArray() throws(DatabaseError) -> [Int64] {
        let (type, value) = try next()
        guard type == TypeIdentifier.timestamptzArray else { throw mismatch("an array of times", type) }
        guard let value else { throw unexpectedNull() }
        return try elements(of: value) { element throws(DatabaseError) in try time(element, type: type) }
    }

    /// The next column as texts: text[] or varchar[] of one dimension without NULLs.
    public mutating func textArray() throws(DatabaseError) -> [String] {
        let (type, value) = try next()
        guard type == TypeIdentifier.textArray || type == TypeIdentifier.varcharArray else {
            throw mismatch("an array of texts", type)
        }
        guard let value else { throw unexpectedNull() }
        return try elements(of: value) { element throws(DatabaseError) in try string(element) }
    }

    // MARK: -

    private mutating func next() throws(DatabaseError) -> (type: UInt32, value: UnsafeRawBufferPointer?) {
        guard column < columnCount else {
            throw DatabaseError(.decoding, "column \(column + 1) was read of a row with \(columnCount)")
        }
        defer { column += 1 }
        return (result.type(column: column), result.value(row: row, column: column))
    }

    private func required<Value>(_ value: Value?) throws(DatabaseError) -> Value {
        guard let value else { throw unexpectedNull() }
        return value
    }

    private func unexpectedNull() -> DatabaseError {
        DatabaseError(.decoding, "column \(column) is NULL")
    }

    private func mismatch(_ wanted: String, _ type: UInt32) -> DatabaseError {
        DatabaseError(.decoding, "column \(column) is not \(wanted) (its type is \(type))")
    }

    private func malformedArray() -> DatabaseError {
        DatabaseError(.decoding, "column \(column) is not an array of one dimension without NULLs")
    }

    private func load<Integer: FixedWidthInteger>(
        _ value: UnsafeRawBufferPointer, at offset: Int = 0, as: Integer.Type
    ) -> Integer {
        Integer(bigEndian: value.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    private func integer(_ value: UnsafeRawBufferPointer, type: UInt32) throws(DatabaseError) -> Int64 {
        switch (type, value.count) {
        case (TypeIdentifier.int8, 8): load(value, as: Int64.self)
        case (TypeIdentifier.int4, 4): Int64(load(value, as: Int32.self))
        case (TypeIdentifier.int2, 2): Int64(load(value, as: Int16.self))
        default: throw mismatch("an integer", type)
        }
    }

    private func time(_ value: UnsafeRawBufferPointer, type: UInt32) throws(DatabaseError) -> Int64 {
        guard value.count == 8 else { throw mismatch("a time", type) }
        let server = load(value, as: Int64.self)
        let (unix, overflow) = server.addingReportingOverflow(SQLValue.epochMicroseconds)
        // The two ends stand for −infinity and infinity.
        guard !overflow, server != .min, server != .max else { throw mismatch("a finite time", type) }
        return unix
    }

    private func string(_ value: UnsafeRawBufferPointer) throws(DatabaseError) -> String {
        guard let text = try? UTF8Span(validating: value.bindMemory(to: UInt8.self).span) else {
            throw DatabaseError(.decoding, "column \(column) is not UTF-8")
        }
        return String(copying: text)
    }

    /// array_send: dimensions, a NULL flag, the element type, size and lower bound, then each element with
    /// its length.
    private func elements<Element>(
        of value: UnsafeRawBufferPointer,
        read: (UnsafeRawBufferPointer) throws(DatabaseError) -> Element
    ) throws(DatabaseError) -> [Element] {
        guard value.count >= 12 else { throw malformedArray() }
        let dimensions = load(value, as: Int32.self)
        if dimensions == 0 { return [] }
        guard dimensions == 1, value.count >= 20,
            let count = Int(exactly: load(value, at: 12, as: Int32.self)),
            count >= 0, count <= (value.count - 20) / 4
        else { throw malformedArray() }
        var elements: [Element] = []
        elements.reserveCapacity(count)
        var offset = 20
        for _ in 0..<count {
            guard value.count - offset >= 4 else { throw malformedArray() }
            let length = Int(load(value, at: offset, as: Int32.self))
            offset += 4
            guard length >= 0, value.count - offset >= length else { throw malformedArray() }
            elements.append(try read(UnsafeRawBufferPointer(rebasing: value[offset..<(offset + length)])))
            offset += length
        }
        return elements
    }
}
