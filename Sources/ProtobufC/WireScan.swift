// A look at the encoded bytes before protobuf-c sees them. protobuf-c takes quadratic time for a sub-message that
// comes again and again, merges it wrongly, and reports every fault alike; so what it must not see is refused here,
// with the name of the field, in one pass that allocates nothing.

internal import CProtobufC

/// Checks encoded messages against their descriptors; the limits hold for all it checks together.
struct WireScan {
    /// Deeper than any schema: types are not recursive.
    private static let maximumDepth = 32
    private var fieldsLeft: Int
    private var depth = 0

    init(_ limits: DecodingLimits) {
        fieldsLeft = limits.maximumFieldCount
    }

    /// Refuses bytes that are no encoding of the message, or one that costs too much.
    mutating func check(
        _ bytes: UnsafeRawBufferPointer, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>
    ) throws(MessageDecodingError) {
        guard depth < Self.maximumDepth else { throw MessageDecodingError(.tooLarge) }
        depth += 1
        defer { depth -= 1 }
        var reader = WireReader(bytes)
        var seen: UInt64 = 0
        while !reader.isAtEnd {
            guard let tag = reader.tag() else { throw MessageDecodingError(.malformed) }
            fieldsLeft -= 1
            guard fieldsLeft >= 0 else { throw MessageDecodingError(.tooLarge) }
            let wireType = WireType(ofTag: tag)
            guard let wireType, let value = reader.value(wireType) else {
                throw MessageDecodingError(.malformed, field: name(tag >> 3, descriptor))
            }
            if let index = Self.index(of: tag >> 3, descriptor) {
                try checkField(&seen, index, wireType, value, descriptor)
            }
        }
    }

    private mutating func checkField(
        _ seen: inout UInt64, _ index: Int, _ wireType: WireType, _ value: UnsafeRawBufferPointer,
        _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>
    ) throws(MessageDecodingError) {
        let field = descriptor.pointee.fields + index
        let expected = WireType(of: field.pointee.type)
        let isRepeated = field.pointee.label == PROTOBUF_C_LABEL_REPEATED
        if wireType != expected {
            // Numbers may be packed into one field, also where the schema does not say so.
            guard isRepeated, wireType == .lengthDelimited else { throw failure(.wrongType, field) }
            try countPacked(value, expected, field)
        } else if field.pointee.type == PROTOBUF_C_TYPE_MESSAGE {
            let bit = UInt64(1) << UInt64(index & 63)
            guard isRepeated || seen & bit == 0 else { throw failure(.repeatedMessage, field) }
            seen |= bit
            guard let part = field.pointee.descriptor else { throw failure(.malformed, field) }
            do throws(MessageDecodingError) {
                try check(value, part.assumingMemoryBound(to: ProtobufCMessageDescriptor.self))
            } catch {
                throw error.inside(String(cString: field.pointee.name))
            }
        }
    }

    /// Counts packed numbers as the fields they stand for.
    private mutating func countPacked(
        _ value: UnsafeRawBufferPointer, _ type: WireType, _ field: UnsafePointer<ProtobufCFieldDescriptor>
    ) throws(MessageDecodingError) {
        var reader = WireReader(value)
        while !reader.isAtEnd {
            guard reader.value(type) != nil else { throw failure(.malformed, field) }
            fieldsLeft -= 1
            guard fieldsLeft >= 0 else { throw failure(.tooLarge, field) }
        }
    }

    /// Where a field number stands in the descriptor. Most messages number their fields from 1 without a gap.
    private static func index(of number: UInt32, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>)
        -> Int?
    {
        let guess = Int(number) - 1
        if guess < Int(descriptor.pointee.n_fields), descriptor.pointee.fields[guess].id == number {
            return guess
        }
        guard let field = protobuf_c_message_descriptor_get_field(descriptor, number) else { return nil }
        return field - descriptor.pointee.fields
    }

    private func name(_ number: UInt32, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>) -> String {
        Self.index(of: number, descriptor).map { String(cString: descriptor.pointee.fields[$0].name) } ?? ""
    }

    private func failure(
        _ reason: MessageDecodingError.Reason, _ field: UnsafePointer<ProtobufCFieldDescriptor>
    ) -> MessageDecodingError {
        MessageDecodingError(reason, field: String(cString: field.pointee.name))
    }
}

/// How a value is laid out on the wire. The two group types are left out: proto3 has none.
@frozen public enum WireType: UInt8 {
    case varint = 0
    case eightBytes = 1
    case lengthDelimited = 2
    case fourBytes = 5

    /// The type in the low bits of a tag; nil for one that proto3 does not have.
    @inline(__always)
    @inlinable public init?(ofTag tag: UInt32) {
        switch tag & 7 {
        case 0: self = .varint
        case 1: self = .eightBytes
        case 2: self = .lengthDelimited
        case 5: self = .fourBytes
        default: return nil
        }
    }

    /// How one value of the type is laid out.
    init(of type: ProtobufCType) {
        switch type {
        case PROTOBUF_C_TYPE_SFIXED64, PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_DOUBLE: self = .eightBytes
        case PROTOBUF_C_TYPE_SFIXED32, PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_FLOAT: self = .fourBytes
        case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_BYTES, PROTOBUF_C_TYPE_MESSAGE: self = .lengthDelimited
        default: self = .varint
        }
    }
}

/// Reads the parts of an encoded message one after the other; nil where the bytes do not have them. Its parts are always
/// inlined, which takes public ones: each is a handful of instructions, and as calls they were a sixth of a small call.
@frozen public struct WireReader {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    /// Never beyond the count, so that no sum with it can overflow.
    @usableFromInline var position = 0

    /// Begins at the front of the bytes.
    @inlinable public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Whether all is read.
    @inline(__always)
    @inlinable public var isAtEnd: Bool { position == bytes.count }

    /// What is not read yet.
    @inline(__always)
    @inlinable public var rest: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes.baseAddress.map { $0 + position }, count: bytes.count - position)
    }

    /// Leaves out so many bytes, or what is left of them.
    @inline(__always)
    @inlinable public mutating func skip(_ count: Int) {
        position += min(max(0, count), bytes.count - position)
    }

    /// The tag of a field: its number, which is not 0, above the three bits of its wire type.
    @inline(__always)
    @inlinable public mutating func tag() -> UInt32? {
        guard let tag = varint(maximumLength: 5), tag >> 3 != 0, tag >> 32 == 0 else { return nil }
        return UInt32(truncatingIfNeeded: tag)
    }

    /// A number of at most so many bytes.
    @inline(__always)
    @inlinable public mutating func varint(maximumLength: Int) -> UInt64? {
        if position < bytes.count, bytes[position] < 0x80 {
            defer { position += 1 }
            return UInt64(bytes[position])
        }
        return longVarint(maximumLength: maximumLength)
    }

    @inlinable mutating func longVarint(maximumLength: Int) -> UInt64? {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        var index = position
        let end = position + min(maximumLength, bytes.count - position)
        while index < end {
            let byte = bytes[index]
            index += 1
            number |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 {
                position = index
                return number
            }
            shift += 7
        }
        return nil
    }

    /// The bytes of a value, without the length before them.
    @inline(__always)
    @inlinable public mutating func value(_ type: WireType) -> UnsafeRawBufferPointer? {
        let start = position
        switch type {
        case .varint:
            guard varint(maximumLength: 10) != nil else { return nil }
            return bytes(from: start)
        case .eightBytes: return take(8)
        case .fourBytes: return take(4)
        case .lengthDelimited:
            guard let length = varint(maximumLength: 5) else { return nil }
            return take(length)
        }
    }

    @inline(__always)
    @inlinable mutating func take(_ length: UInt64) -> UnsafeRawBufferPointer? {
        guard length <= UInt64(bytes.count - position) else { return nil }
        let start = position
        position += Int(length)
        return bytes(from: start)
    }

    /// What was read since the position. Not a slice: without optimisation one costs more than all the rest.
    @inline(__always)
    @inlinable func bytes(from start: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes.baseAddress.map { $0 + start }, count: position - start)
    }
}
