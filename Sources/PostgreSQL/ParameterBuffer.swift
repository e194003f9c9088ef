// Encodes parameters into the arrays that libpq takes. Each connection fills one buffer again and again, so sending a
// statement allocates nothing.

/// The binary form of one statement's parameters, in memory that is reused.
struct ParameterBuffer: ~Copyable {
    private var bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 4_096, alignment: 8)
    private var used = 0
    private var offsets: [Int] = []  // −1 for NULL
    private(set) var pointers: [UnsafePointer<CChar>?] = []
    private(set) var lengths: [Int32] = []
    private(set) var formats: [Int32] = []
    private(set) var types: [UInt32] = []

    deinit {
        bytes.deallocate()
    }

    /// Encodes one caller's parameters; false if one is larger than the protocol's 2 GiB.
    mutating func fill(_ parameters: [SQLValue]) -> Bool {
        fill(parameters) { value, buffer in
            (type: value.type, isPresent: buffer.append(value))
        }
    }

    /// Encodes the parameters of several callers, an array for each parameter; one that is an array already is the
    /// same for all.
    mutating func fill(batched attempts: ArraySlice<Attempt>) -> Bool {
        guard let first = attempts.first?.request else { return false }
        var place = -1
        return fill(first.parameters) { value, buffer in
            place += 1
            guard let type = value.arrayType else {
                return (type: value.type, isPresent: buffer.append(value))
            }
            buffer.appendArrayHeader(count: attempts.count, elementType: value.type, hasNulls: true)
            for attempt in attempts {
                let start = buffer.used
                buffer.append(-1 as Int32)
                guard buffer.append(attempt.request.parameters[place]) else { continue }
                buffer.replace(at: start, Int32(clamping: buffer.used - start - 4))
            }
            return (type: type, isPresent: true)
        }
    }

    /// Encodes what the callers' statements lock, an array for each parameter of the lock statement.
    mutating func fill(locksOf attempts: ArraySlice<Attempt>, _ statement: LockStatement) -> Bool {
        var place = -1
        return fill(statement.elements) { element, buffer in
            place += 1
            buffer.appendArrayHeader(count: attempts.count, elementType: element.type, hasNulls: true)
            for attempt in attempts {
                let start = buffer.used
                buffer.append(-1 as Int32)
                guard let parameter = attempt.request.lockedParameter(at: place), buffer.append(parameter)
                else { continue }
                buffer.replace(at: start, Int32(clamping: buffer.used - start - 4))
            }
            return (type: element.arrayType ?? 0, isPresent: true)
        }
    }

    private mutating func fill(
        _ values: [SQLValue],
        _ encode: (SQLValue, inout ParameterBuffer) -> (type: UInt32, isPresent: Bool)
    ) -> Bool {
        used = 0
        offsets.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        pointers.removeAll(keepingCapacity: true)
        types.removeAll(keepingCapacity: true)
        for value in values {
            let start = used
            let (type, isPresent) = encode(value, &self)
            guard let length = Int32(exactly: used - start) else { return false }
            types.append(type)
            offsets.append(isPresent ? start : -1)
            lengths.append(length)
        }
        // Only now, because the buffer may have moved while it grew.
        let base = UnsafeRawPointer(bytes.baseAddress)
        for offset in offsets {
            pointers.append(offset < 0 ? nil : base?.advanced(by: offset).assumingMemoryBound(to: CChar.self))
        }
        while formats.count < values.count { formats.append(1) }
        return true
    }

    /// Appends one value; false for NULL.
    private mutating func append(_ value: SQLValue) -> Bool {
        switch value {
        case .int64(let value?): append(value)
        case .bool(let value?): append(value ? 1 as UInt8 : 0)
        case .text(let value?): append(value)
        case .bytes(let value?): value.withUnsafeBytes { append($0) }
        case .timestamp(let value?):
            guard let value = SQLValue.serverTimestamp(value) else { return false }
            append(value)
        case .date(let value?):
            guard let value = SQLValue.serverDate(value) else { return false }
            append(value)
        case .int64Array(let values):
            appendArrayHeader(count: values.count, elementType: TypeIdentifier.int8)
            for value in values {
                append(8 as Int32)
                append(value)
            }
        case .textArray(let values):
            appendArrayHeader(count: values.count, elementType: TypeIdentifier.text)
            for value in values {
                append(Int32(clamping: value.utf8.count))
                append(value)
            }
        case .int64(nil), .bool(nil), .text(nil), .bytes(nil), .timestamp(nil), .date(nil): return false
        }
        return true
    }

    /// array_recv: dimensions, a NULL flag, the element type, then per dimension its size and lower bound. An
    /// empty array has no dimension.
    private mutating func appendArrayHeader(count: Int, elementType: UInt32, hasNulls: Bool = false) {
        append(count == 0 ? 0 as Int32 : 1)
        append(hasNulls ? 1 as Int32 : 0)
        append(elementType)
        if count > 0 {
            append(Int32(clamping: count))
            append(1 as Int32)
        }
    }

    private mutating func append<Integer: FixedWidthInteger>(_ integer: Integer) {
        let start = makeRoom(MemoryLayout<Integer>.size)
        bytes.storeBytes(of: integer.bigEndian, toByteOffset: start, as: Integer.self)
    }

    private mutating func replace(at offset: Int, _ integer: Int32) {
        bytes.storeBytes(of: integer.bigEndian, toByteOffset: offset, as: Int32.self)
    }

    private mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    private mutating func append(_ source: UnsafeRawBufferPointer) {
        let start = makeRoom(source.count)
        UnsafeMutableRawBufferPointer(rebasing: bytes[start...]).copyMemory(from: source)
    }

    /// Room for so many bytes behind the last ones; returns where it is.
    private mutating func makeRoom(_ byteCount: Int) -> Int {
        if bytes.count - used < byteCount { grow(to: max(bytes.count * 2, used + byteCount)) }
        defer { used += byteCount }
        return used
    }

    private mutating func grow(to byteCount: Int) {
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8)
        larger.copyMemory(from: UnsafeRawBufferPointer(bytes))
        bytes.deallocate()
        bytes = larger
    }
}
