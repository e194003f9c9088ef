// The options behind the fields of a request, so that errors speak of what was typed.

/// The options of a command line.
struct OptionNames {
    var arguments: [String] = []
    /// The options of fields whose names differ from theirs, such as `--opens`.
    var aliases: [String: String] = [:]

    /// The option that gave a field its value; the field if none did.
    func name(of field: String) -> String {
        let last = field.split(separator: ".").last.map(String.init) ?? field
        let option = "--" + last.replacing("_", with: "-")
        var names = [aliases[last] ?? option]
        if option.hasSuffix("-id") { names.append(String(option.dropLast(3))) }
        let typed = names.first { name in arguments.contains { $0 == name || $0.hasPrefix(name + "=") } }
        return typed ?? field
    }

    /// A message of the server that begins with a field, with the option instead.
    func message(_ text: String) -> String {
        guard let end = text.firstIndex(of: ":"),
            text[..<end].allSatisfy({ $0.isLetter || "_.0123456789".contains($0) })
        else { return text }
        return name(of: String(text[..<end])) + text[end...]
    }
}
