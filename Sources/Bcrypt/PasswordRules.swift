// The rules for new passwords. Bcrypt reads at most 72 bytes and stops at a NUL, so two different passwords could
// open the same account; passwords beyond these limits are therefore rejected when they are set.

/// Why a password is rejected.
public enum PasswordRuleError: Error, Sendable, Hashable {
    /// Fewer than 8 characters.
    case tooShort
    /// More than 72 bytes of UTF-8.
    case tooLong
    /// It contains U+0000.
    case containsNUL
}

/// The rules for a new password: 8 characters to 72 bytes, no NUL.
public enum PasswordRules {
    /// The minimum number of Unicode code points, which every client language counts alike.
    public static let minimumCharacters = 8
    /// The maximum number of UTF-8 bytes, which is all that bcrypt reads.
    public static let maximumBytes = 72

    /// Throws the first rule that a password violates.
    public static func check(_ password: String) throws(PasswordRuleError) {
        // The byte count is checked first because the text is untrusted and may be large.
        guard password.utf8.count <= maximumBytes else { throw .tooLong }
        guard !password.utf8.contains(0) else { throw .containsNUL }
        guard password.unicodeScalars.count >= minimumCharacters else { throw .tooShort }
    }
}
