// The options behind the fields of a request, so that errors speak of what was typed.

internal import ClinicMessages

/// The options of a command line.
struct OptionNames {
    var arguments: [String] = []
    /// The options of fields whose names differ from theirs, such as `--opens`.
    var aliases: [String: String] = [:]
    /// The clinic's currency, if it is known.
    var currency: String?

    /// The option that gave a field its value; the field if none did.
    func name(of field: String) -> String {
        let last = field.split(separator: ".").last.map(String.init) ?? field
        let option = "--" + last.replacing("_", with: "-")
        var names = [aliases[last] ?? option]
        if option.hasSuffix("-id") { names.append(String(option.dropLast(3))) }
        let typed = names.first { name in arguments.contains { $0 == name || $0.hasPrefix(name + "=") } }
        return typed ?? field
    }

    /// A message of the server with the option instead of the field that it begins with, and with amounts as people write
    /// them.
    func message(_ text: String) -> String { withAmounts(withOption(text)) }

    private func withAmounts(_ text: String) -> String {
        guard let currency else { return text }
        return text.replacing(/([0-9]+) minor units/) { match in
            Int64(match.1).map { MoneyText.text(Money(minorUnits: $0, currencyCode: currency)) }
                ?? String(match.0)
        }
    }

    private func withOption(_ text: String) -> String {
        guard let end = text.firstIndex(of: ":"),
            text[..<end].allSatisfy({ $0.isLetter || "_.0123456789".contains($0) })
        else { return text }
        return name(of: String(text[..<end])) + text[end...]
    }
}
