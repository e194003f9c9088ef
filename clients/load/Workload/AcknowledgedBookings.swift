// The bookings that the server acknowledged to one loop. They are compared with the deployment at the end: each
// must exist in its last acknowledged state; after a change without a response either state is allowed.

internal import Synchronization

/// An acknowledged booking.
struct AcknowledgedBooking: Sendable, Equatable {
    /// The last acknowledged state.
    enum State: UInt8, Sendable {
        case booked, paid, cancelled
        /// A hold, which is confirmed in time or expires.
        case held
    }

    let id: Int64
    /// The current or last payment.
    var payment: Int64 = 0
    var slot: ScenarioGrid.Slot
    let patient: UInt32
    var state = State.booked
    /// False while a change has been requested whose outcome is not known.
    var isCertain = true
    /// Its acknowledged changes.
    var changes = BookingChanges()
    /// Changes that may have happened without a response.
    var unansweredChanges: UInt16 = 0
    /// When its creation was acknowledged, in nanoseconds of the monotonic clock; 0 if before the run.
    var acknowledged: UInt64 = 0
}

/// How often a booking changed, by the kinds of events of a watch.
struct BookingChanges: Sendable, Equatable {
    var created: UInt16 = 0
    var status: UInt16 = 0
    var rescheduled: UInt16 = 0
    var payment: UInt16 = 0

    /// The total.
    var count: Int { Int(created) + Int(status) + Int(rescheduled) + Int(payment) }

    /// Counts the change that an operation makes, if any.
    mutating func add(_ operation: Operation) {
        switch operation {
        case .book, .hold: created &+= 1
        case .confirm, .cancel: status &+= 1
        case .reschedule: rescheduled &+= 1
        case .pay, .refund: payment &+= 1
        default: break
        }
    }
}

/// The bookings of one loop, which is the only writer; read after the run.
final class AcknowledgedBookings: Sendable {
    private struct Contents {
        var bookings: [AcknowledgedBooking] = []
        var unansweredBookings = 0
        var replaced = 0
    }

    private let contents = Mutex(Contents())

    /// All bookings in order of acknowledgement.
    var bookings: [AcknowledgedBooking] { contents.withLock { $0.bookings } }

    /// Calls without a response that may have created a booking.
    var unansweredBookings: Int { contents.withLock { $0.unansweredBookings } }

    /// Calls made in place of others that had no booking to change or no free slot.
    var replaced: Int { contents.withLock { $0.replaced } }

    /// Adds a booking and returns its index.
    func add(_ booking: AcknowledgedBooking) -> Int {
        contents.withLock { contents in
            contents.bookings.append(booking)
            return contents.bookings.count - 1
        }
    }

    func addUnanswered() { contents.withLock { $0.unansweredBookings += 1 } }

    func addReplaced() { contents.withLock { $0.replaced += 1 } }

    subscript(index: Int) -> AcknowledgedBooking {
        get { contents.withLock { $0.bookings[index] } }
        set { contents.withLock { $0.bookings[index] = newValue } }
    }
}
