// What the tokens have in common of which the database has digests only.

internal import OpenSSL

/// A token of 48 bytes that whoever shows it is known by.
protocol SecretToken: Sendable {
    var bytes: [UInt8] { get }
    init(bytes: [UInt8])
}

extension SecretToken {
    static var byteCount: Int { 48 }

    /// The token of a text; nil for what cannot be one.
    init?(_ text: String) {
        guard text.utf8.count == Self.byteCount / 3 * 4, let bytes = Base64URL.decode(Array(text.utf8)) else {
            return nil
        }
        self.init(bytes: bytes)
    }

    /// 64 characters.
    var text: String { String(decoding: Base64URL.encode(bytes), as: UTF8.self) }

    /// What the database knows this token by.
    func digest() throws(OpenSSLError) -> [UInt8] { try SHA256.digest(bytes).bytes }
}
