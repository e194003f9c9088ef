// Bcrypt ($2b$) with libxcrypt's reentrant functions. They block for a time set by the cost (220 ms of a core at
// cost 12), so a server calls them only through BcryptPool.
//
// Libxcrypt has pitfalls that are handled here: for a bad setting it may return `*0` instead of an error (crypt_rn
// returns NULL), it ignores a password after 72 bytes or a NUL, and it needs 32 KiB of state, which must be on the
// heap.

internal import CCrypt
internal import Glibc

/// Why a password was not hashed.
public enum BcryptError: Error, Sendable, Hashable {
    /// The cost is not in 4 ... 16.
    case costOutOfRange
    /// The password has more than 72 bytes or a NUL; bcrypt would ignore a part of it.
    case unhashablePassword
    /// libxcrypt or the system's random generator failed.
    case libraryFailed
}

/// Blocking bcrypt functions.
public enum Bcrypt {
    /// The costs of new and stored hashes; each step doubles the time, up to some 4 s of a core. Bcrypt itself goes up to 31,
    /// which would keep a thread for a day.
    public static let costs = 4...16

    /// A `$2b$` hash of a password with a random salt, 60 characters; takes 2^cost rounds.
    public static func hash(_ password: String, cost: Int) throws(BcryptError) -> String {
        try hash(password, cost: cost, in: nil)
    }

    /// The same, computed in a process if there is one.
    static func hash(
        _ password: String, cost: Int, in process: PasswordProcess?
    ) throws(BcryptError) -> String {
        guard let cPassword = CPassword(password) else { throw .unhashablePassword }
        let setting = try randomSetting(cost: cost)
        guard let hash = crypt(cPassword, setting, in: process), self.cost(of: hash) == cost else {
            throw .libraryFailed
        }
        return String(decoding: hash, as: UTF8.self)
    }

    /// Whether a password has this hash; false if the password or the hash is invalid.
    public static func verify(_ password: String, against hash: String) -> Bool {
        verify(password, against: hash, in: nil)
    }

    /// The same, computed in a process if there is one.
    static func verify(_ password: String, against hash: String, in process: PasswordProcess?) -> Bool {
        let stored = Array(hash.utf8)
        guard cost(of: stored) != nil, let cPassword = CPassword(password) else { return false }
        guard let computed = crypt(cPassword, stored, in: process) else { return false }
        return equalsInConstantTime(computed, stored)
    }

    /// A hash of this cost that no known password matches.
    static func unmatchableHash(cost: Int) throws(BcryptError) -> String {
        String(decoding: try randomSetting(cost: cost), as: UTF8.self) + String(repeating: ".", count: 31)
    }

    /// Whether a password can be verified against a text: it is a `$2b$` hash of a cost in range.
    public static func isHash(_ text: String) -> Bool { cost(of: text.utf8) != nil }

    /// The cost of a hash: `$2b$`, two digits of cost, `$`, and 53 characters of salt and digest. Nil for anything else, and
    /// for a cost out of range.
    static func cost(of hash: some Collection<UInt8>) -> Int? {
        let bytes = Array(hash.prefix(61))
        guard bytes.count == 60, bytes.starts(with: "$2b$".utf8), bytes[6] == UInt8(ascii: "$"),
            let cost = Int(String(decoding: bytes[4..<6], as: UTF8.self)), costs.contains(cost)
        else { return nil }
        let isText = bytes[7...].allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "/"): true
            default: false
            }
        }
        return isText ? cost : nil
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

    /// Runs bcrypt once; nil if libxcrypt rejects the setting.
    private static func crypt(
        _ password: borrowing CPassword, _ setting: [UInt8], in process: PasswordProcess?
    ) -> [UInt8]? {
        if let process, case .computed(let hash) = process.crypt(password.bytes, setting) { return hash }
        return crypt(password.pointer, setting)
    }

    /// The same for the bytes of a password, here.
    static func crypt(_ password: [UInt8], _ setting: [UInt8]) -> [UInt8]? {
        guard password.count <= PasswordRules.maximumBytes, !password.contains(0) else { return nil }
        var terminated = password.map { CChar(bitPattern: $0) } + [0]
        defer { erase(&terminated) }
        return terminated.withUnsafeBufferPointer { $0.baseAddress.flatMap { crypt($0, setting) } }
    }

    private static func crypt(_ password: UnsafePointer<CChar>, _ setting: [UInt8]) -> [UInt8]? {
        let size = MemoryLayout<crypt_data>.size
        let state = UnsafeMutableRawPointer.allocate(
            byteCount: size, alignment: MemoryLayout<crypt_data>.alignment)
        state.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        defer {
            explicit_bzero(state, size)
            state.deallocate()
        }
        let terminated = setting.map { CChar(bitPattern: $0) } + [0]
        guard let output = crypt_rn(password, terminated, state, Int32(truncatingIfNeeded: size))
        else {
            return nil
        }
        return Array(String(cString: output).utf8)
    }

    private static func equalsInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// A NUL-terminated password that is erased when it is freed.
private struct CPassword: ~Copyable {
    let pointer: UnsafeMutablePointer<CChar>
    private let size: Int

    /// Without the NUL.
    var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(
            start: UnsafeRawPointer(pointer).assumingMemoryBound(to: UInt8.self), count: size - 1)
    }

    /// Nil for a password that bcrypt would not read to its end.
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

/// Overwrites a secret in memory.
func erase(_ secret: inout [some BitwiseCopyable]) {
    secret.withUnsafeMutableBytes { memory in
        if let start = memory.baseAddress { explicit_bzero(start, memory.count) }
    }
}
