// What the statuses of the old bookings mean. They were free text.

internal import Scheduling

/// The meaning of an old booking's status.
enum LegacyStatus: Equatable {
    /// It was to take place.
    case open
    case cancelled
    case completed
    case missed

    /// The meaning, and whether the text is one that the old service wrote.
    static func reading(_ text: String?) -> (status: LegacyStatus, isKnown: Bool) {
        switch key(text) {
        case "booked", "confirmed", "paid": (.open, true)
        case "cancelled", "canceled", "refund", "refunded": (.cancelled, true)
        case "completed", "complete", "done", "attended": (.completed, true)
        case "noshow", "missed": (.missed, true)
        default: (.open, false)
        }
    }

    /// Whether the text says that the booking was paid.
    static func saysPaid(_ text: String?) -> Bool { ["confirmed", "paid"].contains(key(text)) }

    /// The text in lower case, letters only.
    static func key(_ text: String?) -> String { (text ?? "").lowercased().filter(\.isLetter) }

    /// The status that the booking gets. What is over has taken place unless it says otherwise; nobody has come to, or
    /// missed, what is still ahead.
    func status(isOver: Bool, isPaid: Bool) -> BookingStatus {
        switch self {
        case .cancelled: .cancelled
        case .missed where isOver: .noShow
        case .open where isOver, .completed where isOver: .completed
        case .open, .completed, .missed: isPaid ? .confirmed : .booked
        }
    }
}
