// What the generator wants to know of an answer, without decoding it: the code of ttrpc.Response.status, and where the
// payload lies. The fields are read as they come; whatever is cut off makes the answer no answer.

internal import NIOCore

/// The code and the payload of an encoded ttrpc.Response.
struct Answer: Equatable {
    /// google.rpc.Code; 0 is OK.
    var code = 0
    /// Where the payload lies, in offsets from the start of the response.
    var payload = 0..<0

    private static let statusField: UInt64 = 1
    private static let payloadField: UInt64 = 2
    private static let codeField: UInt64 = 1

    /// Reads a response; nil if it is none.
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
                guard !parts.isCut else { return nil }
            }
        }
        guard !fields.isCut else { return nil }
    }
}

/// Walks over the fields of an encoded message.
private struct FieldReader {
    struct Field {
        var number: UInt64
        /// Of a varint.
        var value: UInt64?
        /// Of a length-delimited one.
        var content: Range<Int>?
    }

    private let bytes: UnsafeRawBufferPointer
    private var position: Int
    private let end: Int
    /// Whether something did not fit.
    private(set) var isCut = false

    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    mutating func next() -> Field? {
        guard position < end, !isCut else { return nil }
        guard let tag = varint() else { return cut() }
        switch tag & 7 {
        case 0:
            guard let value = varint() else { return cut() }
            return Field(number: tag >> 3, value: value)
        case 1: return skip(8, tag)
        case 2:
            guard let length = varint(), length <= UInt64(end - position) else { return cut() }
            let content = position..<position + Int(length)
            position = content.upperBound
            return Field(number: tag >> 3, content: content)
        case 5: return skip(4, tag)
        default: return cut()
        }
    }

    private mutating func skip(_ count: Int, _ tag: UInt64) -> Field? {
        guard count <= end - position else { return cut() }
        position += count
        return Field(number: tag >> 3)
    }

    private mutating func cut() -> Field? {
        isCut = true
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
