// Validates encoded bytes before protobuf-c unpacks them. Protobuf-c takes quadratic time for a repeated occurrence
// of a singular submessage, merges it wrongly, and reports every fault alike. This pass rejects such input with the
// name of the field and allocates nothing.

internal import CProtobufC

/// Validates encoded messages against their descriptors. The limits apply to a message including its submessages.
struct WireValidator {
    /// Deeper than any message of the schema, whose types are not recursive.
    private static let maximumDepth = 32
    private var fieldsLeft: Int
    private var depth = 0

    /// What was read of one message so far.
    private struct Progress {
        /// A bit for each singular submessage that occurred.
        var seen: UInt64 = 0
        /// How many more elements its repeated fields may have.
        var elementsLeft: Int
    }

    init(_ limits: DecodingLimits) {
        fieldsLeft = limits.maximumFieldCount
    }

    /// Throws if the bytes do not encode the message or exceed the limits.
    mutating func validate(
        _ bytes: UnsafeRawBufferPointer, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>,
        _ limits: FieldLimits?
    ) throws(MessageDecodingError) {
        guard depth < Self.maximumDepth else { throw MessageDecodingError(.tooLarge) }
        depth += 1
        defer { depth -= 1 }
        var reader = WireReader(bytes)
        var progress = Progress(elementsLeft: limits?.elements ?? .max)
        while !reader.isAtEnd {
            guard let tag = reader.tag() else { throw MessageDecodingError(.malformed) }
            fieldsLeft -= 1
            guard fieldsLeft >= 0 else { throw MessageDecodingError(.tooLarge) }
            let wireType = WireType(ofTag: tag)
            guard let wireType, let value = reader.value(wireType) else {
                throw MessageDecodingError(.malformed, field: name(tag >> 3, descriptor))
            }
            if let index = Self.index(of: tag >> 3, descriptor) {
                try validateField(&progress, index, wireType, value, descriptor, limits)
            }
        }
    }

    private mutating func validateField(
        _ progress: inout Progress, _ index: Int, _ wireType: WireType, _ value: UnsafeRawBufferPointer,
        _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>, _ limits: FieldLimits?
    ) throws(MessageDecodingError) {
        let field = descriptor.pointee.fields + index
        let expected = WireType(of: field.pointee.type)
        let isRepeated = field.pointee.label == PROTOBUF_C_LABEL_REPEATED
        if let limits, value.count > limits.bytes[index] {
            throw failure(.tooLong(limit: limits.bytes[index]), field)
        }
        if isRepeated {
            progress.elementsLeft -= 1
            guard progress.elementsLeft >= 0 else {
                throw failure(.tooManyElements(limit: limits?.elements ?? 0), field)
            }
        }
        if wireType != expected {
            // Repeated numbers may be packed even if the schema does not say so.
            guard isRepeated, wireType == .lengthDelimited else { throw failure(.wrongType, field) }
            try countPacked(value, expected, field)
        } else if field.pointee.type == PROTOBUF_C_TYPE_MESSAGE {
            let bit = UInt64(1) << UInt64(index & 63)
            guard isRepeated || progress.seen & bit == 0 else { throw failure(.repeatedMessage, field) }
            progress.seen |= bit
            guard let submessage = field.pointee.descriptor else { throw failure(.malformed, field) }
            do throws(MessageDecodingError) {
                try validate(
                    value, submessage.assumingMemoryBound(to: ProtobufCMessageDescriptor.self),
                    limits?.nested[index])
            } catch {
                throw error.inside(String(cString: field.pointee.name))
            }
        }
    }

    /// Counts each packed number as a field.
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

    /// The index of a field number in the descriptor. Most messages number their fields from 1 without gaps.
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

/// The wire type of a value. Groups are left out because proto3 has none.
@frozen public enum WireType: UInt8 {
    case varint = 0
    case eightBytes = 1
    case lengthDelimited = 2
    case fourBytes = 5

    /// The wire type in the low bits of a tag; nil if proto3 does not have it.
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

    /// The wire type of one value of a field type.
    init(of type: ProtobufCType) {
        switch type {
        case PROTOBUF_C_TYPE_SFIXED64, PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_DOUBLE: self = .eightBytes
        case PROTOBUF_C_TYPE_SFIXED32, PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_FLOAT: self = .fourBytes
        case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_BYTES, PROTOBUF_C_TYPE_MESSAGE: self = .lengthDelimited
        default: self = .varint
        }
    }
}

/// Reads the parts of an encoded message in order; each returns nil if the bytes end or are malformed. The
/// functions are public because they must always be inlined: as calls they cost a sixth of a small RPC.
@frozen public struct WireReader {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    /// At most the byte count, so that sums with it cannot overflow.
    @usableFromInline var position = 0

    /// Starts at the first byte.
    @inlinable public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Whether all bytes are read.
    @inline(__always)
    @inlinable public var isAtEnd: Bool { position == bytes.count }

    /// The bytes not yet read.
    @inline(__always)
    @inlinable public var rest: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes.baseAddress.map { $0 + position }, count: bytes.count - position)
    }

    /// Skips `count` bytes, or all that remain if fewer.
    @inline(__always)
    @inlinable public mutating func skip(_ count: Int) {
        position += min(max(0, count), bytes.count - position)
    }

    /// The tag of a field: its number, which must not be 0, above the three bits of its wire type.
    @inline(__always)
    @inlinable public mutating func tag() -> UInt32? {
        guard let tag = varint(maximumLength: 5), tag >> 3 != 0, tag >> 32 == 0 else { return nil }
        return UInt32(truncatingIfNeeded: tag)
    }

    /// A varint of at most `maximumLength` bytes.
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

    /// The bytes of a value, without its length prefix.
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

    /// The bytes from `start` to the position. Not a slice, which is slow in unoptimised builds.
    @inline(__always)
    @inlinable func bytes(from start: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: bytes.baseAddress.map { $0 + start }, count: position - start)
    }
}
