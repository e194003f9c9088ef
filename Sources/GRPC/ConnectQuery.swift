// Calls of Connect by GET, whose request is in the query of the URL. URLs are logged by proxies and kept by browsers, so a method may be
// called that way only if it changes nothing and its request has no place for an e-mail address, a password or a token.

internal import ProtobufC
internal import RPC

/// The query of a GET.
struct ConnectQuery {
    let format: MessageFormat
    let message: [UInt8]
    /// The encoding of the message, `identity` if it says none.
    let encoding: String
    /// `v1`, if it is given.
    let version: String?

    /// Reads the query of a path; nil if it is none of a call.
    init?(_ path: String) {
        guard let start = path.utf8.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        var values: [String: [UInt8]] = [:]
        for pair in path.utf8[path.utf8.index(after: start)...].split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = Self.decoded(parts[0]), name.allSatisfy({ $0 < 0x80 }),
                let value = Self.decoded(parts[1])
            else { return nil }
            guard values.updateValue(value, forKey: String(decoding: name, as: UTF8.self)) == nil else {
                return nil
            }
        }
        func text(_ name: String) -> String? {
            values[name].map { $0.allSatisfy { $0 < 0x80 } ? String(decoding: $0, as: UTF8.self) : "?" }
        }
        guard let format = text("encoding").flatMap(MessageFormat.init(rawValue:)),
            let message = values["message"]
        else {
            return nil
        }
        self.format = format
        encoding = text("compression") ?? "identity"
        version = text("connect")
        if text("base64") == "1" {
            guard let text = text("message"), let bytes = Base64.decode(text) else { return nil }
            self.message = bytes
        } else {
            self.message = message
        }
    }

    /// Whether a method may be called by GET.
    static func mayCall(_ method: RegisteredMethod) -> Bool {
        method.isUnary && !method.schema.hasSideEffects && !holdsSecret(method.schema.request)
    }

    private static func holdsSecret(_ message: MessageDescriptor) -> Bool {
        message.fieldDescriptions.contains { field in
            if case .message(let type) = field.kind, holdsSecret(type) { return true }
            return ["email", "password", "token"].contains { field.name.contains($0) }
        }
    }

    /// The bytes of a percent-encoded text, in which `+` is a blank; nil if it is malformed.
    private static func decoded(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = Array(text)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit)
                else {
                    return nil
                }
                bytes.append(high << 4 | low)
            default: bytes.append(byte)
            }
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
