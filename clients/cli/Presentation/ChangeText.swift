// The change of an event in words: `status from held to cancelled` for `{"from": "HELD", "status": "CANCELLED"}`.

internal import ClinicMessages
internal import FoundationEssentials

/// Changes of the audit trail.
struct ChangeText {
    private let style: TextStyle
    /// The members that are amounts in minor units of the clinic's currency.
    private static let amounts: Set = ["fee", "total_fee", "gst", "amount", "refunded", "refunded_amount"]

    /// The change in words; text that is not a JSON object is kept as it is.
    static func text(_ json: String, _ style: TextStyle) -> String {
        guard let value = try? JSONDecoder().decode(Value.self, from: Data(json.utf8)),
            case .object(let members) = value
        else { return json }
        return ChangeText(style: style).words(of: members)
    }

    private func words(of members: [String: Value]) -> String {
        var members = members
        var parts: [String] = []
        // Most changes hide nothing.
        if case .bool(false)? = members["hidden"] { members["hidden"] = nil }
        let changed = ["status", "role"].first { members[$0] != nil }
        if let changed, let old = members.removeValue(forKey: "from"),
            let new = members.removeValue(forKey: changed)
        {
            parts.append("\(changed) from \(brief(old)) to \(brief(new))")
        }
        parts += members.keys.sorted().compactMap { name in members[name].map { words(of: name, $0) } }
        return parts.joined(separator: ", ")
    }

    private func words(of name: String, _ value: Value) -> String {
        let title = (name.hasSuffix("_id") ? String(name.dropLast(3)) : name).replacing("_", with: " ")
        if case .number(let text) = value, Self.amounts.contains(name), let currency = style.clinic.currency,
            let units = Int64(text)
        {
            return "\(title) \(MoneyText.text(Money(minorUnits: units, currencyCode: currency)))"
        }
        return switch value {
        case .bool(true): title
        case .bool(false): "not \(title)"
        case .null: "no \(title)"
        case .string, .number: "\(title) \(brief(value))"
        case .list, .object: "\(title): \(brief(value))"
        }
    }

    private func brief(_ value: Value) -> String {
        switch value {
        case .bool(let flag): flag ? "yes" : "no"
        case .null: "none"
        case .string(let text): word(text)
        case .number(let number): number
        case .list(let values): values.map(brief).joined(separator: ", ")
        case .object(let members): "(" + words(of: members) + ")"
        }
    }

    /// A status such as NO_SHOW as `no show`, an instant in the zone of the other times, other text as it is.
    private func word(_ text: String) -> String {
        if text.wholeMatch(of: /[A-Z]+(_[A-Z]+)*/) != nil {
            return text.lowercased().replacing("_", with: " ")
        }
        if text.contains("T"), case .instant(let instant)? = try? GivenTime.parse(text) {
            return style.times.text(instant)
        }
        return text
    }

    /// A value of JSON.
    private enum Value: Decodable {
        case null
        case bool(Bool)
        case number(String)
        case string(String)
        case list([Value])
        case object([String: Value])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let flag = try? container.decode(Bool.self) {
                self = .bool(flag)
            } else if let number = try? container.decode(Int64.self) {
                self = .number(String(number))
            } else if let number = try? container.decode(Double.self) {
                self = .number(String(number))
            } else if let text = try? container.decode(String.self) {
                self = .string(text)
            } else if let values = try? container.decode([Value].self) {
                self = .list(values)
            } else {
                self = .object(try container.decode([String: Value].self))
            }
        }
    }
}
