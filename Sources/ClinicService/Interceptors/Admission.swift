// Admission control of calls: what is asked of the store before a call has cost anything.

internal import ClinicStore
internal import RPC

/// Whether the database takes another call in time.
struct Admission: Sendable {
    /// Whether so much waits that it depends on the caller.
    let isCongested: @Sendable (Stores.Pool) -> Bool
    /// Whether another call of a caller would be served in time.
    let admits: @Sendable (Stores.Pool, ShareKey) -> Bool

    /// Throws `Overloaded` if another call of a caller would not be served in time.
    func check(_ pool: Stores.Pool, _ caller: ShareKey) throws(Overloaded) {
        if isCongested(pool), !admits(pool, caller) { throw Overloaded() }
    }

    /// That of the stores' database.
    init(_ stores: Stores) {
        isCongested = stores.isCongested
        admits = { stores.admits($0, fairnessKey: $1.number) }
    }

    /// Where nothing waits for a database.
    init() {
        isCongested = { _ in false }
        admits = { _, _ in true }
    }
}
