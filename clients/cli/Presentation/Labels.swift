// Labels of enumeration values: `No show` for BOOKING_STATUS_NO_SHOW, and parsing of `no-show`.

internal import ArgumentParser
internal import ProgramInput
internal import ProtobufC

/// The label of a value, such as `No show`; its number if the value is unrecognized.
func label(_ value: some MessageEnumeration) -> String {
    let words = shortName(value).replacing("_", with: " ").lowercased()
    return words.prefix(1).uppercased() + words.dropFirst()
}

/// Parses a value from its label, its short name or its full name, ignoring case.
func enumeration<Value: MessageEnumeration>(named text: String) throws -> Value {
    let name = text.uppercased().replacing("-", with: "_").replacing(" ", with: "_")
    let choices = Value.allCases.filter { $0.rawValue != 0 }
    if let value = choices.first(where: { shortName($0) == name || $0.protoName == name }) { return value }
    throw ValidationError(Suggestion.text(for: text, among: names(of: Value.self), "choices"))
}

/// The values of a type as they are typed: `no-show`.
func names<Value: MessageEnumeration>(of type: Value.Type) -> [String] {
    Value.allCases.filter { $0.rawValue != 0 }
        .map { shortName($0).lowercased().replacing("_", with: "-") }
}

/// The name in the schema without the prefix that all values of the type share.
private func shortName<Value: MessageEnumeration>(_ value: Value) -> String {
    let unspecified = "UNSPECIFIED"
    guard let first = Value.allCases.first?.protoName, first.hasSuffix(unspecified) else {
        return value.protoName
    }
    let prefix = first.dropLast(unspecified.count)
    return value.protoName.hasPrefix(prefix)
        ? String(value.protoName.dropFirst(prefix.count)) : value.protoName
}
