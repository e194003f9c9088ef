// Why bytes are not the message they should be, and how much they may cost to find out.

/// Why bytes are not the message they should be: the reason and the field, never the data.
public struct MessageDecodingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Sendable, Hashable {
        /// The bytes are cut, or no encoding of any message.
        case malformed
        /// A field of the schema is encoded as another type.
        case wrongType
        /// A message that may be there once is there more than once.
        case repeatedMessage
        /// It takes more memory or has more fields than the limits allow.
        case tooLarge
        /// A text is not UTF-8.
        case invalidUTF8
        /// A text holds U+0000.
        case containsNUL
        /// An enumeration has a number that the schema does not name.
        case unknownEnumerationValue
    }

    /// What is wrong.
    public let reason: Reason
    /// The path of the field in proto names, such as `doctor.full_name`; empty where it is not known.
    public let field: String

    @usableFromInline init(_ reason: Reason, field: String = "") {
        self.reason = reason
        self.field = field
    }

    /// The same error, seen from the message that holds the field.
    @usableFromInline package func inside(_ outer: String) -> Self {
        Self(reason, field: field.isEmpty ? outer : "\(outer).\(field)")
    }

    /// What is wrong, in words for the caller.
    public var description: String {
        let subject = field.isEmpty ? "the message" : field
        return switch reason {
        case .malformed: "\(subject) is not a valid protobuf encoding"
        case .wrongType: "\(subject) is encoded as another type than the schema's"
        case .repeatedMessage: "\(subject) is there more than once"
        case .tooLarge: "\(subject) is larger than allowed"
        case .invalidUTF8: "\(subject) is not valid UTF-8"
        case .containsNUL: "\(subject) must not contain U+0000"
        case .unknownEnumerationValue: "\(subject) has a value that the schema does not name"
        }
    }
}

/// How much a message may cost before it is refused with `.tooLarge`, and what else is refused.
public struct DecodingLimits: Sendable {
    /// The most bytes of memory that protobuf-c may take to decode one message.
    public var maximumMemory: Int
    /// The most fields, elements and unknown fields of one message, those of its parts included.
    public var maximumFieldCount: Int
    /// Whether an enumeration value that the schema does not name is refused; else it is `unrecognized`.
    public var refusesUnknownEnumerationValues: Bool

    /// Makes limits of these values.
    public init(maximumMemory: Int, maximumFieldCount: Int, refusesUnknownEnumerationValues: Bool) {
        self.maximumMemory = maximumMemory
        self.maximumFieldCount = maximumFieldCount
        self.refusesUnknownEnumerationValues = refusesUnknownEnumerationValues
    }

    /// For requests, which anybody may have made: 8 MiB, 16,384 fields, only known values.
    public static let server = DecodingLimits(
        maximumMemory: 8 << 20, maximumFieldCount: 16_384, refusesUnknownEnumerationValues: true)
    /// For answers of a server that was chosen, perhaps newer than this schema: 64 MiB, a million fields.
    public static let client = DecodingLimits(
        maximumMemory: 64 << 20, maximumFieldCount: 1 << 20, refusesUnknownEnumerationValues: false)
}
