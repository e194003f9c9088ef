// Values of enumerations in requests. A number that the schema does not name is refused where a method reads it, with its
// path, and ignored elsewhere: an answer that is sent back may have values that only a newer server knows.

internal import ClinicMessages
internal import ProtobufC
internal import RPC

extension CaseIterable {
    /// The case of a message's value; nil for UNSPECIFIED and for a number that the schema does not name.
    init?<Value: Equatable>(from value: Value, by form: (Self) -> Value) {
        guard let match = Self.allCases.first(where: { form($0) == value }) else { return nil }
        self = match
    }

    /// The case of a filter; nil for UNSPECIFIED, which means any. Throws INVALID_FIELD for an unknown number.
    init?<Value: MessageEnumeration>(
        filter value: Value, _ field: String, by form: (Self) -> Value
    ) throws(Status) {
        guard let match = Self(from: value, by: form) else {
            guard value.rawValue != 0 else { return nil }
            throw Status(unknown: value, field)
        }
        self = match
    }

    /// The case of a required field. Throws INVALID_FIELD for UNSPECIFIED and for an unknown number.
    init<Value: MessageEnumeration>(
        required value: Value, _ field: String, by form: (Self) -> Value
    ) throws(Status) {
        guard let match = try Self(filter: value, field, by: form) else {
            throw Status(field: field, "is required")
        }
        self = match
    }
}

extension Set where Element: CaseIterable {
    /// The cases of a repeated filter. Throws INVALID_FIELD for UNSPECIFIED and for an unknown number.
    init<Value: MessageEnumeration>(
        _ values: [Value], _ field: String, by form: (Element) -> Value
    ) throws(Status) {
        self = []
        for (index, value) in values.enumerated() {
            insert(try Element(required: value, "\(field)[\(index)]", by: form))
        }
    }
}

extension Status {
    /// INVALID_FIELD for a number that the schema does not name.
    init<Value: MessageEnumeration>(unknown value: Value, _ field: String) {
        let names = Value.allCases.filter { $0.rawValue != 0 }.map(\.protoName)
        self.init(field: field, "is one of \(names.joined(separator: ", "))")
    }
}
