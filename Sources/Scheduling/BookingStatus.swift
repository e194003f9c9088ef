// The states of a booking and the only table of allowed transitions. The database does not repeat the table: its
// statement is a compare-and-swap on the status and version that this code decided on.
//
//  HoldSlot → HELD → ConfirmHold → BOOKED        BookAppointment → BOOKED
//  BOOKED → PayBooking → CONFIRMED               HELD → (hold expires) → EXPIRED
//  HELD, BOOKED, CONFIRMED → CANCELLED           BOOKED, CONFIRMED → ARRIVED → COMPLETED
//  BOOKED, CONFIRMED → NO_SHOW (after start)     ARRIVED → BOOKED, CONFIRMED (a slip)

/// The state of a booking; the raw value is its text in the database.
public enum BookingStatus: String, Sendable, Hashable, CaseIterable {
    /// Reserved for a few minutes; not booked yet.
    case held = "HELD"
    /// Booked, not paid.
    case booked = "BOOKED"
    /// Booked and paid.
    case confirmed = "CONFIRMED"
    /// The patient has arrived.
    case arrived = "ARRIVED"
    /// The visit is over.
    case completed = "COMPLETED"
    /// Cancelled by the patient or by the clinic.
    case cancelled = "CANCELLED"
    /// A hold that expired before it was confirmed.
    case expired = "EXPIRED"
    /// The patient did not come.
    case noShow = "NO_SHOW"

    /// The label shown to people.
    public var label: String {
        switch self {
        case .held: "Held"
        case .booked: "Booked"
        case .confirmed: "Confirmed"
        case .arrived: "Arrived"
        case .completed: "Completed"
        case .cancelled: "Cancelled"
        case .expired: "Expired"
        case .noShow: "No show"
        }
    }

    /// Whether other bookings of the same doctor or patient may not overlap this one. A COMPLETED visit, too, keeps its time until
    /// its end.
    public var occupiesTime: Bool {
        switch self {
        case .held, .booked, .confirmed, .arrived: true
        case .completed, .cancelled, .expired, .noShow: false
        }
    }

    /// The statuses that occupy time: bookings that are cancelled with their doctor or patient.
    public static let occupying = allCases.filter(\.occupiesTime)

    /// The status after a hold is confirmed; nil for a booking that is not held.
    public var afterConfirmation: BookingStatus? { self == .held ? .booked : nil }

    /// Whether the booking may move to another time: it is booked and the visit has not begun.
    public var mayBeRescheduled: Bool { self == .booked || self == .confirmed }

    /// The status after a payment; nil when a booking in this state may not be paid.
    public var afterPayment: BookingStatus? {
        switch self {
        case .booked, .confirmed: .confirmed
        case .arrived, .completed: self
        case .held, .cancelled, .expired, .noShow: nil
        }
    }

    /// The status after a full refund: a visit that has not begun is cancelled, which frees its slot.
    public var afterFullRefund: BookingStatus {
        switch self {
        case .booked, .confirmed: .cancelled
        case .held, .arrived, .completed, .cancelled, .expired, .noShow: self
        }
    }

    /// The status after the payment is voided.
    public var afterVoid: BookingStatus { self == .confirmed ? .booked : self }
}

/// Who requests a status change.
public enum BookingActor: Sendable, Hashable, CaseIterable {
    /// The patient of the booking.
    case owner
    /// Staff or an administrator, acting for the clinic.
    case staff
}

extension BookingStatus {
    /// The transitions that staff may make by hand.
    var staffTargets: [BookingStatus] {
        switch self {
        case .held: [.cancelled]
        case .booked, .confirmed: [.cancelled, .arrived, .noShow]
        case .arrived: [.completed, .booked, .confirmed]
        case .completed, .cancelled, .expired, .noShow: []
        }
    }
}
