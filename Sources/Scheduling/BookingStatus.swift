// The states of a booking and the one table of who may move it where. The database repeats none of it: its statement
// is a compare-and-swap on the status and version that were decided on here.
//
//  HoldSlot → HELD → ConfirmHold → BOOKED        BookAppointment → BOOKED
//  BOOKED → PayBooking → CONFIRMED               HELD → (time) → EXPIRED
//  HELD, BOOKED, CONFIRMED → CANCELLED           BOOKED, CONFIRMED → ARRIVED → COMPLETED
//  BOOKED, CONFIRMED → NO_SHOW (after start)

/// The state of a booking; the raw value is its text in the database.
public enum BookingStatus: String, Sendable, Hashable, CaseIterable {
    /// Reserved for some minutes, not yet booked.
    case held = "HELD"
    /// Booked and not paid.
    case booked = "BOOKED"
    /// Booked and paid.
    case confirmed = "CONFIRMED"
    /// The patient is there.
    case arrived = "ARRIVED"
    /// The visit is over.
    case completed = "COMPLETED"
    /// Given up by the patient or by the clinic.
    case cancelled = "CANCELLED"
    /// A hold that ran out.
    case expired = "EXPIRED"
    /// The patient did not come.
    case noShow = "NO_SHOW"

    /// The word people read.
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

    /// No other booking may overlap it, neither the doctor's nor the patient's.
    public var occupiesTime: Bool {
        switch self {
        case .held, .booked, .confirmed, .arrived: true
        case .completed, .cancelled, .expired, .noShow: false
        }
    }

    /// The status after a hold is confirmed; nil for what is no hold.
    public var afterConfirmation: BookingStatus? { self == .held ? .booked : nil }

    /// Whether such a booking may be moved to another time: the visit is still to come, and it is no hold.
    public var mayBeRescheduled: Bool { self == .booked || self == .confirmed }

    /// The status after a payment; nil when a booking in this state may not be paid.
    public var afterPayment: BookingStatus? {
        switch self {
        case .booked, .confirmed: .confirmed
        case .arrived, .completed: self
        case .held, .cancelled, .expired, .noShow: nil
        }
    }

    /// The status after all of its payment was returned: the slot becomes free if the visit has not begun.
    public var afterFullRefund: BookingStatus {
        switch self {
        case .booked, .confirmed: .cancelled
        case .held, .arrived, .completed, .cancelled, .expired, .noShow: self
        }
    }

    /// The status after its payment was voided.
    public var afterVoid: BookingStatus { self == .confirmed ? .booked : self }
}

/// On whose behalf a status is changed.
public enum BookingActor: Sendable, Hashable, CaseIterable {
    /// The patient of the booking.
    case owner
    /// Staff and administrators: the clinic.
    case staff
}

extension BookingStatus {
    /// The table: where the clinic may move a booking by hand.
    var staffTargets: [BookingStatus] {
        switch self {
        case .held: [.cancelled]
        case .booked, .confirmed: [.cancelled, .arrived, .noShow]
        case .arrived: [.completed]
        case .completed, .cancelled, .expired, .noShow: []
        }
    }
}
