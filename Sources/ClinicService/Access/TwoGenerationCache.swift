// A bounded cache of two generations: when the newer is full it replaces the older, and a value that is used moves to the
// newer one. So unused values are evicted without a list in the order of use.

/// The values of the most recently used keys, at most a given number.
struct TwoGenerationCache<Key: Hashable, Value> {
    private var newer: [Key: Value] = [:]
    private var older: [Key: Value] = [:]
    private let halfLimit: Int

    /// Keeps at most `limit` values, and at least the last `limit / 2` used.
    init(limit: Int) {
        halfLimit = max(1, limit / 2)
    }

    /// The number of values.
    var count: Int { newer.count + older.count }

    /// The value of a key, which counts as a use.
    mutating func value(of key: Key) -> Value? {
        if let value = newer[key] { return value }
        guard let value = older.removeValue(forKey: key) else { return nil }
        insert(value, for: key)
        return value
    }

    mutating func insert(_ value: Value, for key: Key) {
        if newer.count >= halfLimit {
            older = newer
            newer = [:]
        }
        newer[key] = value
    }

    mutating func remove(_ key: Key) {
        newer[key] = nil
        older[key] = nil
    }

    mutating func removeAll() {
        newer = [:]
        older = [:]
    }
}
