// The most that the fields of a request may hold. Lengths are compared on the encoded bytes, before any text is made of
// them: comparing, trimming or normalising a text can take quadratic time.

/// The most that one field may hold.
public struct FieldLimit: Sendable, Equatable {
    /// The bytes of one value of a string or bytes field.
    public let bytes: Int
    /// The elements of a repeated field.
    public let elements: Int

    /// Makes a limit; a field that is not repeated has one element.
    public init(bytes: Int = 0, elements: Int = 1) {
        self.bytes = bytes
        self.elements = elements
    }
}

/// A string, bytes or repeated field has no limit.
public struct MissingFieldLimit: Error, Sendable, Equatable, CustomStringConvertible {
    /// The full name of the field, such as `clinic.v1.LoginRequest.email`.
    public let field: String

    /// One line for a developer.
    public var description: String { "\(field) has no limit" }
}

/// The limits of the fields of one message type and of its submessages.
public final class FieldLimits: Sendable {
    /// The bytes of one value, by the index of the field; `Int.max` for numbers and submessages.
    let bytes: [Int]
    /// The elements of all repeated fields of the message together.
    let elements: Int
    /// The limits of submessages, by the index of the field.
    let nested: [FieldLimits?]

    /// Looks up the limit of every string, bytes and repeated field by its name in the schema; throws the first that has
    /// none.
    public init(
        of message: MessageDescriptor, by limit: (_ name: String) -> FieldLimit?
    ) throws(MissingFieldLimit) {
        var bytes: [Int] = []
        var elements = 0
        var nested: [FieldLimits?] = []
        for field in message.fieldDescriptions {
            var isText = false
            var submessage: FieldLimits?
            switch field.kind {
            case .message(let descriptor): submessage = try FieldLimits(of: descriptor, by: limit)
            case .scalar(let type): isText = type == "string" || type == "bytes"
            case .enumeration: break
            }
            let found = isText || field.isRepeated ? limit(field.name) : FieldLimit()
            guard let found else { throw MissingFieldLimit(field: "\(message.name).\(field.name)") }
            bytes.append(isText ? found.bytes : .max)
            nested.append(submessage)
            if field.isRepeated { elements += found.elements }
        }
        self.bytes = bytes
        self.elements = elements
        self.nested = nested
    }
}
