// What a new password may be. bcrypt reads 72 bytes and stops at a NUL: a longer password would be cut in silence and
// two different ones would open the same account, so both are refused when a password is set.

/// Why a text may not become a password.
public enum PasswordRuleError: Error, Sendable, Hashable {
    /// Fewer than 8 characters.
    case tooShort
    /// More than 72 bytes of UTF-8.
    case tooLong
    /// It holds U+0000.
    case containsNUL
}

/// The rules of a new password: 8 characters to 72 bytes, no NUL.
public enum PasswordRules {
    /// Counted as Unicode code points, which every client language counts alike.
    public static let minimumCharacters = 8
    /// All that bcrypt reads.
    public static let maximumBytes = 72

    /// Throws the rule that a password breaks.
    public static func check(_ password: String) throws(PasswordRuleError) {
        // Bytes first: the text is a stranger's and may be large.
        guard password.utf8.count <= maximumBytes else { throw .tooLong }
        guard !password.utf8.contains(0) else { throw .containsNUL }
        guard password.unicodeScalars.count >= minimumCharacters else { throw .tooShort }
    }
}
