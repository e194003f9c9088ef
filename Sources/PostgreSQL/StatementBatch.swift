// Statements that leave together. Whoever serves many callers in one go begins many statements one after the other; sent
// each at once, the first would go alone and the others wait for its answer. Collected, they are one batch, and callers of
// the same statement one set.

internal import Glibc

/// The statements that a thread has begun since it started to collect them.
final class StatementBatch {
    private static let key = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    private var pools: [ConnectionPool] = []

    /// What this thread collects in, if it does.
    static var current: StatementBatch? {
        pthread_getspecific(key).map { Unmanaged<StatementBatch>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Sends what waits in the pool when the batch is over.
    func add(_ pool: ConnectionPool) {
        if !pools.contains(where: { $0 === pool }) { pools.append(pool) }
    }

    /// Runs the body, and sends afterwards what it has begun.
    static func collect(_ body: () -> Void) {
        guard current == nil else { return body() }
        let batch = StatementBatch()
        pthread_setspecific(key, Unmanaged.passUnretained(batch).toOpaque())
        body()
        pthread_setspecific(key, nil)
        for pool in batch.pools { pool.dispatchQueued() }
    }
}
