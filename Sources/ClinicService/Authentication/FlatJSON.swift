// The subset of JSON that a token may contain: one object whose members are strings and integers. Whatever two parsers might
// read differently (duplicate names, escapes, 1e3, nesting, whitespace) is refused: this service, which is the only one to read
// its tokens, writes none of that.

/// A flat JSON object, parsed strictly.
struct FlatJSON {
    /// The value of a member.
    enum Value: Hashable {
        case text(String)
        case integer(Int64)
    }

    let members: [String: Value]

    /// nil for anything but an object of at most 16 members, each a string of printable ASCII without escapes or an integer
    /// of at most 18 digits, without duplicate names and without whitespace.
    init?(parsing bytes: [UInt8]) {
        var rest = bytes[...]
        var members: [String: Value] = [:]
        guard rest.popFirst() == UInt8(ascii: "{") else { return nil }
        repeat {
            guard let name = FlatJSON.text(&rest), rest.popFirst() == UInt8(ascii: ":") else { return nil }
            let value: Value
            if rest.first == UInt8(ascii: "\"") {
                guard let text = FlatJSON.text(&rest) else { return nil }
                value = .text(text)
            } else {
                guard let number = FlatJSON.integer(&rest) else { return nil }
                value = .integer(number)
            }
            guard members.updateValue(value, forKey: name) == nil, members.count <= 16 else { return nil }
        } while FlatJSON.skip(UInt8(ascii: ","), &rest)
        guard rest.popFirst() == UInt8(ascii: "}"), rest.isEmpty else { return nil }
        self.members = members
    }

    /// The value of a string member.
    func text(_ name: String) -> String? {
        if case .text(let text) = members[name] { text } else { nil }
    }

    /// The value of an integer member.
    func integer(_ name: String) -> Int64? {
        if case .integer(let number) = members[name] { number } else { nil }
    }

    private static func skip(_ byte: UInt8, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }

    private static func text(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard rest.popFirst() == UInt8(ascii: "\""), let end = rest.firstIndex(of: UInt8(ascii: "\"")) else {
            return nil
        }
        let content = rest[..<end]
        guard content.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else {
            return nil
        }
        rest = rest[(end + 1)...]
        return String(decoding: content, as: UTF8.self)
    }

    private static func integer(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        let isNegative = skip(UInt8(ascii: "-"), &rest)
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard (1...18).contains(digits.count) else { return nil }
        if digits.first == UInt8(ascii: "0") && (digits.count > 1 || isNegative) { return nil }
        rest = rest[digits.endIndex...]
        // 18 digits fit in an Int64.
        let number = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        return isNegative ? -number : number
    }
}
