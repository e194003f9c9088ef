// The three well-known types whose JSON form is a string: Timestamp, Duration and FieldMask. Each converts between
// that string and the ordinary object, so that the other code treats them like any message.

/// A type whose JSON form is a string.
enum WellKnownType {
    case timestamp, duration, fieldMask

    /// Nil for a type whose JSON form is an object.
    init?(_ descriptor: MessageDescriptor) {
        switch descriptor.name {
        case "google.protobuf.Timestamp": self = .timestamp
        case "google.protobuf.Duration": self = .duration
        case "google.protobuf.FieldMask": self = .fieldMask
        default: return nil
        }
    }

    /// The string for an object; nil if the string form cannot express the value, which then stays an object.
    func string(from object: JSONValue) -> JSONValue? {
        if self == .fieldMask {
            guard case .array(let paths) = object["paths"] else { return nil }
            var names: [String] = []
            for case .string(let path) in paths {
                let name = ProtoName.lowerCamel(path)
                guard ProtoName.snake(name) == path else { return nil }
                names.append(name)
            }
            return .string(names.joined(separator: ","))
        }
        guard case .string(let secondsText) = object["seconds"],
            case .number(let nanosText) = object["nanos"],
            let seconds = Int64(secondsText), let nanos = Int(nanosText)
        else { return nil }
        return (self == .timestamp ? TimestampText.text(seconds, nanos) : DurationText.text(seconds, nanos))
            .map { .string($0) }
    }

    /// The object for a string.
    func object(from json: JSONValue, _ path: String) throws(JSONDecodingError) -> JSONValue {
        guard case .string(let text) = json else {
            throw JSONDecodingError(path: path, problem: "must be \(example)")
        }
        if self == .fieldMask {
            guard !text.utf8.contains(UInt8(ascii: "_")) else {
                throw JSONDecodingError(
                    path: path, problem: "must be \(example); write \(ProtoName.lowerCamel(text)) instead")
            }
            let paths = text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false)
            return .object([.init(name: "paths", value: .array(paths.map { .string(ProtoName.snake($0)) }))])
        }
        guard let (seconds, nanos) = self == .timestamp ? TimestampText.parse(text) : DurationText.parse(text)
        else {
            throw JSONDecodingError(path: path, problem: "must be \(example)")
        }
        return .object([
            .init(name: "seconds", value: .number(String(seconds))),
            .init(name: "nanos", value: .number(String(nanos))),
        ])
    }

    private var example: String {
        switch self {
        case .timestamp: "a timestamp such as \"2026-11-24T10:00:00Z\""
        case .duration: "a duration such as \"1.5s\""
        case .fieldMask: "field names in lowerCamelCase separated by commas, such as \"fullName,slotMinutes\""
        }
    }
}

/// Conversion of field names between snake_case and lowerCamelCase, by ASCII letters alone as protobuf's mapping has it.
enum ProtoName {
    /// `full_name` as `fullName`.
    static func lowerCamel(_ name: some StringProtocol) -> String {
        var result = ""
        var isWordStart = false
        for scalar in name.unicodeScalars {
            if scalar == "_" {
                isWordStart = true
            } else {
                let isLetter = isWordStart && ("a"..."z").contains(scalar)
                result += isLetter ? scalar.properties.uppercaseMapping : String(scalar)
                isWordStart = false
            }
        }
        return result
    }

    /// `fullName` as `full_name`; a name already in snake_case is unchanged.
    static func snake(_ name: some StringProtocol) -> String {
        name.unicodeScalars.reduce(into: "") { result, scalar in
            result += ("A"..."Z").contains(scalar) ? "_" + scalar.properties.lowercaseMapping : String(scalar)
        }
    }
}
