// What a status change asks of the booking it is made on. The database checks it under the row's lock, so that the
// decision and the change are one round trip and nothing can come between them.

/// The conditions of one status change, decided by who wants it and when.
public struct StatusChangeConditions: Sendable, Hashable {
    /// Where the booking is to go.
    public let target: BookingStatus
    /// Where it may come from.
    public let sources: [BookingStatus]
    /// It has to start later than this; nil: whenever.
    public let startsAfter: Instant?
    /// It has to start at or before this; nil: whenever.
    public let startsBy: Instant?
    /// Its payment is returned in full if it starts at or after this; nil: it is kept.
    public let refundsFrom: Instant?

    /// The conditions for `actor` to set a booking to `target` at `now`.
    ///
    /// A patient may do nothing but cancel, before the start only, and gets the whole payment back if that is at
    /// least `fullRefundBefore` seconds away; what the clinic cancels is always returned. Nobody is missed before
    /// the start. Payments, holds and refunds move a booking by rules of their own (`afterPayment` and neighbours).
    public init(
        movingTo target: BookingStatus, by actor: BookingActor, now: Instant, fullRefundBefore seconds: Int64
    ) throws(OwnerMayOnlyCancel) {
        guard actor == .staff || target == .cancelled else { throw OwnerMayOnlyCancel() }
        self.target = target
        sources = BookingStatus.allCases.filter { $0.staffTargets.contains(target) }
        startsAfter = actor == .owner ? now : nil
        startsBy = target == .noShow ? now : nil
        switch (target, actor) {
        case (.cancelled, .staff): refundsFrom = Instant(microsecondsSinceEpoch: 0)
        case (.cancelled, .owner): refundsFrom = now.adding(seconds: seconds)
        default: refundsFrom = nil
        }
    }
}

/// A patient asked for a status that only the clinic gives.
public struct OwnerMayOnlyCancel: Error, Sendable {}
