// Statements that are sent together. Sent one by one, the first of many would go alone and the others wait for its result;
// collected, they are one batch of the pipeline, and callers of the same statement share one execution.

/// Statements begun together, for example by the calls of one socket read.
///
/// Confined to the thread that made it. What was submitted with it waits in the queue until `flush`, unless a connection
/// that becomes free takes it before.
public final class StatementBatch {
    private var pools: [ConnectionPool] = []

    /// An empty batch.
    public init() {}

    /// Sends what was submitted with this batch, as far as connections are free; the batch can be used again.
    public func flush() {
        for pool in pools { pool.dispatchQueued() }
        pools.removeAll(keepingCapacity: true)
    }

    func add(_ pool: ConnectionPool) {
        if !pools.contains(where: { $0 === pool }) { pools.append(pool) }
    }
}
