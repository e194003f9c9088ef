// The conditions of a status change. The database checks them under the row's lock, so that decision and change
// take one round trip and nothing can intervene.

/// The conditions of one status change, derived from the actor and the time.
public struct StatusChangeConditions: Sendable, Hashable {
    /// The new status.
    public let target: BookingStatus
    /// The statuses from which the change is allowed.
    public let sources: [BookingStatus]
    /// The booking must start later than this; nil for no condition.
    public let startsAfter: Instant?
    /// The booking must start at or before this; nil for no condition.
    public let startsBy: Instant?
    /// The payment is refunded in full if the booking starts at or after this; nil for no refund.
    public let refundsFrom: Instant?

    /// The conditions under which `actor` may set a booking to `target` at `now`.
    ///
    /// A patient may only cancel, only before the start, and gets a full refund if the start is at least
    /// `fullRefundBefore` seconds away. A cancellation by the clinic is always refunded. NO_SHOW is allowed from
    /// the start on. Payments, holds and refunds follow rules of their own (`afterPayment` and its neighbours).
    public init(
        movingTo target: BookingStatus, by actor: BookingActor, now: Instant, fullRefundBefore seconds: Int64
    ) throws(StatusChangeForbidden) {
        guard actor == .staff || target == .cancelled else { throw StatusChangeForbidden() }
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

/// A patient requested a status that only the clinic may set.
public struct StatusChangeForbidden: Error, Sendable {}
