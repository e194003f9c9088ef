// What one loop was told of its bookings. It is compared with the deployment at the end: what was acknowledged has to be
// there, in the state that was acknowledged last; of a change without an answer either state will do.

internal import Synchronization

/// A booking that was acknowledged.
struct RememberedBooking: Sendable, Equatable {
    /// The state that was acknowledged last.
    enum State: UInt8, Sendable {
        case booked, paid, cancelled
        /// Held: it becomes booked in time, or nobody's.
        case held
    }

    let id: Int64
    /// The live payment, or the last one.
    var payment: Int64 = 0
    var slot: ScenarioGrid.Slot
    let patient: UInt32
    var state = State.booked
    /// Whether nothing has been asked since the last acknowledgement that may or may not have happened.
    var isCertain = true
    /// Its changes that were acknowledged.
    var changes = BookingChanges()
    /// Its changes that may have happened without saying so.
    var unansweredChanges: UInt16 = 0
    /// When its making was acknowledged, in nanoseconds of the monotonic clock; 0 before the run.
    var acknowledged: UInt64 = 0
}

/// How often something happened to a booking, by the kinds of events that a watch has.
struct BookingChanges: Sendable, Equatable {
    var created: UInt16 = 0
    var status: UInt16 = 0
    var rescheduled: UInt16 = 0
    var payment: UInt16 = 0

    /// All together.
    var count: Int { Int(created) + Int(status) + Int(rescheduled) + Int(payment) }

    /// Counts the change that a call makes; none for one that only reads.
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

/// The bookings of one loop, which alone writes; read when the run is over.
final class BookingMemory: Sendable {
    private struct Contents {
        var bookings: [RememberedBooking] = []
        var unansweredBookings = 0
        var replaced = 0
    }

    private let contents = Mutex(Contents())

    /// In the order in which they were acknowledged.
    var bookings: [RememberedBooking] { contents.withLock { $0.bookings } }

    /// Calls that may have made a booking although no answer says so.
    var unansweredBookings: Int { contents.withLock { $0.unansweredBookings } }

    /// Calls made instead of others for which there was no booking to change, or no slot left.
    var replaced: Int { contents.withLock { $0.replaced } }

    /// Adds a booking and answers its place.
    func add(_ booking: RememberedBooking) -> Int {
        contents.withLock { contents in
            contents.bookings.append(booking)
            return contents.bookings.count - 1
        }
    }

    func addUnanswered() { contents.withLock { $0.unansweredBookings += 1 } }

    func addReplaced() { contents.withLock { $0.replaced += 1 } }

    subscript(place: Int) -> RememberedBooking {
        get { contents.withLock { $0.bookings[place] } }
        set { contents.withLock { $0.bookings[place] = newValue } }
    }
}
