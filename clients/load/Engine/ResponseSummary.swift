// Reads the status code and the position of the payload from a response without decoding it. A truncated response
// is rejected.

internal import NIOCore

/// The status code and payload of an encoded ttrpc.Response.
struct ResponseSummary: Equatable {
    /// The google.rpc.Code, where 0 is OK.
    var code = 0
    /// The payload's range of bytes in the response.
    var payload = 0..<0

    private static let statusField: UInt64 = 1
    private static let payloadField: UInt64 = 2
    private static let codeField: UInt64 = 1

    /// Reads a response; nil if it is malformed.
    init?(_ bytes: UnsafeRawBufferPointer) {
        var fields = FieldReader(bytes, 0..<bytes.count)
        while let field = fields.next() {
            if field.number == Self.payloadField, let content = field.content { payload = content }
            if field.number == Self.statusField, let content = field.content {
                var parts = FieldReader(bytes, content)
                while let part = parts.next() {
                    if part.number == Self.codeField, let value = part.value {
                        code = Int(Int32(truncatingIfNeeded: value))
                    }
                }
                guard !parts.isMalformed else { return nil }
            }
        }
        guard !fields.isMalformed else { return nil }
    }
}

/// Iterates over the fields of an encoded message.
private struct FieldReader {
    struct Field {
        var number: UInt64
        /// The value of a varint field.
        var value: UInt64?
        /// The byte range of a length-delimited field.
        var content: Range<Int>?
    }

    private let bytes: UnsafeRawBufferPointer
    private var position: Int
    private let end: Int
    /// Whether a field was truncated or malformed.
    private(set) var isMalformed = false

    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func next() -> Field? {
        guard position < end, !isMalformed else { return nil }
        guard let tag = varint() else { return malformed() }
        switch tag & 7 {
        case 0:
            guard let value = varint() else { return malformed() }
            return Field(number: tag >> 3, value: value)
        case 1: return skip(8, tag)
        case 2:
            guard let length = varint(), length <= UInt64(end - position) else { return malformed() }
            let content = position..<position + Int(length)
            position = content.upperBound
            return Field(number: tag >> 3, content: content)
        case 5: return skip(4, tag)
        default: return malformed()
        }
    }

    private mutating func skip(_ count: Int, _ tag: UInt64) -> Field? {
        guard count <= end - position else { return malformed() }
        position += count
        return Field(number: tag >> 3)
    }

    private mutating func malformed() -> Field? {
        isMalformed = true
        return nil
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard position < end else { return nil }
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        return nil
    }
}
