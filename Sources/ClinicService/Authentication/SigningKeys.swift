// The keys of a deployment. All servers of a clinic have the same ones: the first signs, and what any of them has signed is
// accepted, so that keys can be rotated while the servers run.

internal import Synchronization

/// The keys that sign and verify; usable from any thread.
public final class SigningKeys: Sendable {
    private struct Keys {
        var first: SigningKey
        var others: [SigningKey]
    }

    private let keys: Mutex<Keys>
    private let changes = Atomic<Int>(0)

    /// How many keys there may be: each is tried for a page token that is not valid.
    public static let limit = 16

    /// One key that signs, and others whose signatures are accepted.
    public init(_ first: SigningKey, others: [SigningKey] = []) {
        keys = Mutex(Keys(first: first, others: others))
    }

    /// The key of a secret of at least 32 bytes.
    public convenience init(secret: [UInt8]) throws(SigningKeyError) {
        self.init(try SigningKey(secret: secret))
    }

    /// The key that signs.
    public var signing: SigningKey { keys.withLock(\.first) }

    /// All keys, the one that signs first.
    public var all: [SigningKey] { keys.withLock { [$0.first] + $0.others } }

    /// The id of the key that signs.
    public var keyID: String { signing.id }

    /// Grows with every replacement: what was verified before may have been signed by a key that is gone.
    var generation: Int { changes.load(ordering: .acquiring) }

    /// Uses the keys of others from now on; what was signed by a key that is not among them is refused.
    public func replace(by others: SigningKeys) {
        let next = others.keys.withLock(\.self)
        keys.withLock { $0 = next }
        changes.add(1, ordering: .releasing)
    }
}
