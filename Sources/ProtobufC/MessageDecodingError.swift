// Errors and limits of decoding.

/// Why bytes cannot be decoded: the reason and the field, never the data.
public struct MessageDecodingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Sendable, Hashable {
        /// The bytes are truncated or not a protobuf encoding.
        case malformed
        /// A field has another wire type than the schema's.
        case wrongType
        /// A singular submessage occurs more than once.
        case repeatedMessage
        /// The message needs more memory or has more fields than the limits allow.
        case tooLarge
        /// A string or bytes field has more bytes than its limit.
        case tooLong(limit: Int)
        /// A repeated field has more elements than its limit.
        case tooManyElements(limit: Int)
        /// A string is not UTF-8.
        case invalidUTF8
        /// A string contains U+0000.
        case containsNUL
    }

    /// What is wrong.
    public let reason: Reason
    /// The path of the field in proto names, such as `doctor.full_name`; empty if unknown.
    public let field: String

    @usableFromInline init(_ reason: Reason, field: String = "") {
        self.reason = reason
        self.field = field
    }

    /// The same error with the name of the enclosing field prepended to the path.
    @usableFromInline package func inside(_ outer: String) -> Self {
        Self(reason, field: field.isEmpty ? outer : "\(outer).\(field)")
    }

    /// The error in one sentence for the caller.
    public var description: String {
        let subject = field.isEmpty ? "the message" : field
        return switch reason {
        case .malformed: "\(subject) is not a valid protobuf encoding"
        case .wrongType: "\(subject) has another wire type than the schema's"
        case .repeatedMessage: "\(subject) occurs more than once"
        case .tooLarge: "\(subject) is larger than allowed"
        case .tooLong(let limit): "\(subject) has more than \(limit) bytes"
        case .tooManyElements(let limit): "\(subject) has more than \(limit) elements"
        case .invalidUTF8: "\(subject) is not valid UTF-8"
        case .containsNUL: "\(subject) must not contain U+0000"
        }
    }
}

/// Limits on the cost of decoding; a message beyond them fails with `.tooLarge`.
public struct DecodingLimits: Sendable {
    /// The most bytes of memory that protobuf-c may take to decode one message.
    public var maximumMemory: Int
    /// The most fields, elements and unknown fields in one message, including its submessages.
    public var maximumFieldCount: Int
    /// The limits of the fields of the message type; nil for none.
    public var fields: FieldLimits?

    /// Makes limits.
    public init(maximumMemory: Int, maximumFieldCount: Int) {
        self.maximumMemory = maximumMemory
        self.maximumFieldCount = maximumFieldCount
    }

    /// For requests, which are untrusted: 8 MiB, 16,384 fields.
    public static let server = DecodingLimits(maximumMemory: 8 << 20, maximumFieldCount: 16_384)
    /// For responses of a trusted server: 64 MiB, a million fields.
    public static let client = DecodingLimits(maximumMemory: 64 << 20, maximumFieldCount: 1 << 20)
}
