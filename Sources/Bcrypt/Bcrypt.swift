// bcrypt ($2b$) by libxcrypt's reentrant calls. They block for as long as the cost says (220 ms of a core at cost 12):
// a server calls them through BcryptPool only.
//
// libxcrypt's traps, closed here: it answers `*0` for a bad setting where one expects an error (crypt_rn answers NULL),
// reads 72 bytes of a password and no more, stops at a NUL, and wants 32 KiB of state, which belong on the heap.

internal import CCrypt
internal import Glibc

/// Why a password was not hashed.
public enum BcryptError: Error, Sendable, Hashable {
    /// The cost is not in 4 ... 31.
    case costOutOfRange
    /// More than 72 bytes or a NUL: bcrypt would ignore a part of it.
    case unhashablePassword
    /// libxcrypt or the system's random generator failed.
    case libraryFailed
}

/// bcrypt, blocking.
public enum Bcrypt {
    /// The costs that bcrypt has: each step doubles the time.
    public static let costs = 4...31

    /// A fresh `$2b$` hash of a password with a random salt, 60 characters; takes 2^cost rounds.
    public static func hash(_ password: String, cost: Int) throws(BcryptError) -> String {
        guard let phrase = Passphrase(password) else { throw .unhashablePassword }
        let setting = try randomSetting(cost: cost)
        guard let hash = crypt(phrase, setting), isWellFormed(hash) else { throw .libraryFailed }
        return String(decoding: hash, as: UTF8.self)
    }

    /// Whether a password has this hash; false for every password and every hash that cannot be.
    public static func verify(_ password: String, against hash: String) -> Bool {
        let stored = Array(hash.utf8)
        guard isWellFormed(stored), let phrase = Passphrase(password) else { return false }
        guard let computed = crypt(phrase, stored) else { return false }
        return equalsInConstantTime(computed, stored)
    }

    /// A hash of the given cost that no password is known to have, for doing the same work without an account.
    static func unmatchableHash(cost: Int) throws(BcryptError) -> String {
        String(decoding: try randomSetting(cost: cost), as: UTF8.self) + String(repeating: ".", count: 31)
    }

    /// `$2b$`, two digits of cost, `$`, and 53 characters of salt and digest.
    static func isWellFormed(_ hash: some Collection<UInt8>) -> Bool {
        let bytes = Array(hash.prefix(61))
        guard bytes.count == 60, bytes.starts(with: "$2b$".utf8), bytes[6] == UInt8(ascii: "$") else {
            return false
        }
        guard let cost = Int(String(decoding: bytes[4..<6], as: UTF8.self)), costs.contains(cost) else {
            return false
        }
        return bytes[7...].allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "/"): true
            default: false
            }
        }
    }

    /// `$2b$12$` and 22 characters of salt from the system's random generator.
    private static func randomSetting(cost: Int) throws(BcryptError) -> [UInt8] {
        guard costs.contains(cost) else { throw .costOutOfRange }
        var output = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
        guard crypt_gensalt_rn("$2b$", UInt(cost), nil, 0, &output, CRYPT_GENSALT_OUTPUT_SIZE) != nil else {
            throw .libraryFailed
        }
        return output.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    }

    /// One run of bcrypt; nil when libxcrypt refuses.
    private static func crypt(_ phrase: borrowing Passphrase, _ setting: [UInt8]) -> [UInt8]? {
        let size = MemoryLayout<crypt_data>.size
        let state = UnsafeMutableRawPointer.allocate(
            byteCount: size, alignment: MemoryLayout<crypt_data>.alignment)
        state.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        defer {
            explicit_bzero(state, size)
            state.deallocate()
        }
        let terminated = setting.map { CChar(bitPattern: $0) } + [0]
        guard let output = crypt_rn(phrase.pointer, terminated, state, Int32(truncatingIfNeeded: size)) else {
            return nil
        }
        return Array(String(cString: output).utf8)
    }

    private static func equalsInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// A password as C wants it, wiped when it goes.
private struct Passphrase: ~Copyable {
    let pointer: UnsafeMutablePointer<CChar>
    private let size: Int

    /// nil for a password that bcrypt would not read to its end.
    init?(_ password: String) {
        let count = password.utf8.count
        guard count <= PasswordRules.maximumBytes, !password.utf8.contains(0) else { return nil }
        size = count + 1
        pointer = .allocate(capacity: size)
        pointer.initialize(repeating: 0, count: size)
        for (index, byte) in password.utf8.enumerated() { pointer[index] = CChar(bitPattern: byte) }
    }

    deinit {
        explicit_bzero(pointer, size)
        pointer.deallocate()
    }
}
