// What a mutation locks, so that mutations of several callers can share a transaction: lock_group takes the locks of all of
// them first, in one order. Sources/ClinicStore/README.md tells the order.
internal import PostgreSQL

/// Where a mutation's parameters name what it locks beside its idempotency key; numbers are those after the context, from 0.
struct LockedParameters {
    /// A doctor, with the start and the end of a time that is to be occupied.
    var doctor: Int?
    var start: Int?
    var end: Int?
    /// The patient whose time is to be occupied, or a user who is changed.
    var user: Int?
    /// A booking, and whose it must be.
    var booking: Int?
    var owner: Int?
    var transaction: Int?

    /// For each parameter of lock_group, the mutation's parameter; the context has the first four.
    var places: [Int?] {
        [0, 2] + [doctor, user, start, end, booking, owner, transaction].map { $0.map { $0 + 4 } }
    }

    /// Takes the locks of mutations that share a transaction.
    static let statement = LockStatement(
        "select lock_group($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        elements: [
            .int64(nil), .text(nil), .int64(nil), .int64(nil), .timestamp(nil), .timestamp(nil), .int64(nil),
            .int64(nil), .int64(nil),
        ])
}
