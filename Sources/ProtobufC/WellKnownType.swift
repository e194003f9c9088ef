// The three well-known types whose JSON is a text instead of an object: an instant, a length of time, a field mask.
// Each is a step between the plain object and the text, so that the rest treats them like any message.

/// A type with a JSON text of its own.
enum WellKnownType {
    case timestamp, duration, fieldMask

    /// Nil for a type that is a plain object in JSON.
    init?(_ descriptor: MessageDescriptor) {
        switch descriptor.name {
        case "google.protobuf.Timestamp": self = .timestamp
        case "google.protobuf.Duration": self = .duration
        case "google.protobuf.FieldMask": self = .fieldMask
        default: return nil
        }
    }

    /// The text of the plain object; nil if the value is outside what the text can say, which then stays plain.
    func text(_ plain: JSONValue) -> JSONValue? {
        if self == .fieldMask {
            guard case .array(let paths) = plain["paths"] else { return nil }
            let names = paths.map {
                if case .string(let path) = $0 { ProtoName.lowerCamel(path) } else { "" }
            }
            return .string(names.joined(separator: ","))
        }
        guard case .string(let secondsText) = plain["seconds"], case .number(let nanosText) = plain["nanos"],
            let seconds = Int64(secondsText), let nanos = Int(nanosText)
        else { return nil }
        return (self == .timestamp ? InstantText.text(seconds, nanos) : DurationText.text(seconds, nanos))
            .map { .string($0) }
    }

    /// The plain object of the text.
    func plain(_ json: JSONValue, _ path: String) throws(JSONFormError) -> JSONValue {
        guard case .string(let text) = json else {
            throw JSONFormError(path: path, problem: "has to be \(example)")
        }
        if self == .fieldMask {
            let paths = text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false)
            return .object([.init(name: "paths", value: .array(paths.map { .string(ProtoName.snake($0)) }))])
        }
        guard let (seconds, nanos) = self == .timestamp ? InstantText.parse(text) : DurationText.parse(text)
        else {
            throw JSONFormError(path: path, problem: "has to be \(example)")
        }
        return .object([
            .init(name: "seconds", value: .number(String(seconds))),
            .init(name: "nanos", value: .number(String(nanos))),
        ])
    }

    private var example: String {
        switch self {
        case .timestamp: "an instant such as \"2026-11-24T10:00:00Z\""
        case .duration: "a length of time such as \"1.5s\""
        case .fieldMask: "field names with commas between them, such as \"full_name,slot_minutes\""
        }
    }
}

/// Names of fields in the two styles.
enum ProtoName {
    /// `full_name` as `fullName`.
    static func lowerCamel(_ name: some StringProtocol) -> String {
        var result = ""
        var isWordStart = false
        for character in name {
            if character == "_" {
                isWordStart = true
            } else {
                result += isWordStart ? character.uppercased() : String(character)
                isWordStart = false
            }
        }
        return result
    }

    /// `fullName` as `full_name`; what is in that style already stays.
    static func snake(_ name: some StringProtocol) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
    }
}
