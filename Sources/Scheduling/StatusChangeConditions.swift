// The conditions of a status change. The database checks them under the row's lock, so that decision and change
// take one round trip and nothing can intervene.

/// The conditions of one status change, derived from the actor and the time.
public struct StatusChangeConditions: Sendable, Hashable {
    /// The new status.
    public let target: BookingStatus
    /// The statuses from which the change is allowed.
    public let sources: [BookingStatus]
    /// The booking must start at or after this; nil for no condition.
    public let startsFrom: Instant?
    /// The booking must start at or before this; nil for no condition.
    public let startsBy: Instant?
    /// Whether the booking must have a live payment; nil for no condition.
    public let isPaid: Bool?
    /// When the booking is cancelled; nil if it is not. Patients cancel their own bookings before the start only.
    public let cancelledAt: Instant?

    /// The conditions under which `actor` may set a booking to `target` at `now`.
    ///
    /// A patient may only cancel. A status that states a fact has its time: ARRIVED the local day of the visit, COMPLETED and
    /// NO_SHOW the start or later. Payments, holds and refunds follow rules of their own (`afterPayment` and its neighbours).
    public init(
        movingTo target: BookingStatus, by actor: BookingActor, now: Instant, zone: TimeZoneRules
    ) throws(StatusChangeForbidden) {
        guard actor == .staff || target == .cancelled else { throw StatusChangeForbidden() }
        self.target = target
        sources = BookingStatus.allCases.filter { $0.staffTargets.contains(target) }
        let today = target == .arrived ? zone.day(of: now) : nil
        startsFrom = today?.lowerBound
        startsBy =
            switch target {
            case .arrived: today?.upperBound.adding(microseconds: -1) ?? now
            case .completed, .noShow: now
            default: nil
            }
        isPaid =
            switch target {
            case .booked: false
            case .confirmed: true
            default: nil
            }
        cancelledAt = target == .cancelled ? now : nil
    }

    /// Whether the payment of a booking with this deadline is refunded in full. The clinic's cancellations always are;
    /// patients, members of the staff among them, are refunded for their own bookings until the deadline.
    public func refunds(isOwn: Bool, until deadline: Instant) -> Bool {
        guard let cancelledAt else { return false }
        return !isOwn || cancelledAt <= deadline
    }
}

/// A patient requested a status that only the clinic may set.
public struct StatusChangeForbidden: Error, Sendable {}

extension TimeZoneRules {
    /// The local day that an instant is in; nil outside the years 1 to 9999.
    func day(of instant: Instant) -> Range<Instant>? {
        guard let day = localDateTime(at: instant)?.date, let start = moment(.midnight, on: day),
            let end = moment(.endOfDay, on: day), start < end
        else { return nil }
        return start..<end
    }
}
