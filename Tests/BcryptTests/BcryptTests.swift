// Bcrypt against published test vectors and hostile input, and the rules for new passwords.
import Bcrypt
import Testing

@Suite struct BcryptTests {
    /// Openwall's test vectors for crypt_blowfish, which apply to `$2b$` as to `$2y$`.
    @Test(arguments: [
        ("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U*", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        ("U*U*U", "$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
        ("", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
        (
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
            "$2b$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"
        ),
    ])
    func `the published hashes verify`(password: String, hash: String) {
        #expect(Bcrypt.verify(password, against: hash))
        #expect(!Bcrypt.verify(password + "x", against: hash))
        #expect(!Bcrypt.verify("x" + password.dropFirst(), against: hash))
    }

    @Test func `a hash has a fresh salt and its cost, and matches its password only`() throws {
        let first = try Bcrypt.hash("correct horse", cost: 4)
        let second = try Bcrypt.hash("correct horse", cost: 4)
        #expect(first.hasPrefix("$2b$04$"))
        #expect(first.utf8.count == 60)
        #expect(first != second)
        #expect(Bcrypt.verify("correct horse", against: first))
        #expect(!Bcrypt.verify("correct horsf", against: first))
    }

    @Test(arguments: [3, 17, 31, 32, -1, 0, Int.min, Int.max])
    func `an invalid cost is an error`(cost: Int) {
        #expect(throws: BcryptError.costOutOfRange) { try Bcrypt.hash("correct horse", cost: cost) }
    }

    @Test func `composed and decomposed letters are different passwords`() throws {
        let hash = try Bcrypt.hash("caf\u{e9} noir", cost: 4)
        #expect(!Bcrypt.verify("cafe\u{301} noir", against: hash))
    }

    @Test func `a password that bcrypt would truncate is neither hashed nor verified`() throws {
        let long = String(repeating: "a", count: 72)
        let hash = try Bcrypt.hash(long, cost: 4)
        #expect(Bcrypt.verify(long, against: hash))
        // Libxcrypt itself reads only 72 bytes and would accept the longer password.
        #expect(!Bcrypt.verify(long + "b", against: hash))
        #expect(throws: BcryptError.unhashablePassword) { try Bcrypt.hash(long + "b", cost: 4) }
        let short = try Bcrypt.hash("secretab", cost: 4)
        #expect(!Bcrypt.verify("secretab\u{0}tail", against: short))
        #expect(throws: BcryptError.unhashablePassword) { try Bcrypt.hash("secretab\u{0}", cost: 4) }
        #expect(!Bcrypt.verify(String(repeating: "\u{e9}", count: 1 << 20), against: short))
    }

    @Test(arguments: [
        "", "*0", "*1", "x", "$2b$05$", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW",
        "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$17$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$32$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$+5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$05$CCCCCCCCCCCCCCCCCCCC\u{0}.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC:E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U",
        "$6$salt$IxDD3jeSOb5eB1CX5LBsqZFVkJdido3OUILO5Ifz5iwMuTS4XMS130MTSuDDl3aCI6WouIL9AjRbLCelDCy.g.",
    ])
    func `nothing matches a malformed hash`(hash: String) {
        #expect(!Bcrypt.verify("U*U", against: hash))
        #expect(!Bcrypt.verify(hash, against: hash))
    }

    @Test func `a new password must have eight characters to seventy-two bytes and no NUL`() throws {
        for password in [
            "12345678", String(repeating: "a", count: 72), String(repeating: "\u{e9}", count: 36),
        ] {
            try PasswordRules.check(password)
            _ = try Bcrypt.hash(password, cost: 4)
        }
        for password in ["", "1234567", String(repeating: "\u{e9}", count: 7)] {
            #expect(throws: PasswordRuleError.tooShort) { try PasswordRules.check(password) }
        }
        for password in [73, 1 << 20].map({ String(repeating: "a", count: $0) }) {
            #expect(throws: PasswordRuleError.tooLong) { try PasswordRules.check(password) }
        }
        #expect(throws: PasswordRuleError.tooLong) {
            try PasswordRules.check(String(repeating: "\u{e9}", count: 37))
        }
        #expect(throws: PasswordRuleError.containsNUL) { try PasswordRules.check("1234\u{0}5678") }
    }
}
