// Compares acknowledged bookings with stored ones: no acknowledged booking may be missing or different, no
// unrequested booking may exist, and no time may be taken twice.

internal import ClinicMessages

/// The acknowledged bookings of a run and the stored bookings of its doctors.
struct BookingComparison {
    let grid: ScenarioGrid
    let acknowledged: [AcknowledgedBooking]
    let stored: [StoredBooking]
    /// Calls without a response that may have created a booking.
    let unanswered: Int

    init(
        _ grid: ScenarioGrid, acknowledged: [AcknowledgedBooking], stored: [StoredBooking], unanswered: Int
    ) {
        self.grid = grid
        self.acknowledged = acknowledged
        self.stored = stored
        self.unanswered = unanswered
    }

    /// The results of all checks.
    var results: [CheckResult] {
        let byID = Dictionary(stored.map { ($0.id, $0) }) { first, _ in first }
        let missing = acknowledged.filter { byID[$0.id] == nil }.map(\.id)
        let certain = acknowledged.filter(\.isCertain)
        let different = certain.filter { booking in byID[booking.id].map { !matches(booking, $0) } ?? false }
        let known = Set(acknowledged.map(\.id))
        let unknown = stored.filter { !known.contains($0.id) }.map(\.id)
        return [
            result(
                "every acknowledged booking exists", "\(acknowledged.count) bookings", missing, "are missing"),
            result(
                "every booking is in its last acknowledged state",
                "status, time and payment of \(certain.count) bookings", different.map(\.id), "differ"),
            result(
                "no booking exists that was not requested",
                "\(unknown.count) bookings without a response, at most \(unanswered) allowed",
                unknown.count > unanswered ? unknown : [], "were not acknowledged"),
            result(
                "no doctor has two patients at a time", "\(stored.count) bookings", conflicts(\.doctorID),
                "conflict"),
            result(
                "no patient has two bookings at a time", "\(stored.count) bookings", conflicts(\.patientID),
                "conflict"),
        ]
    }

    /// Whether a stored booking matches the acknowledged one. All start far enough ahead for a refund on
    /// cancellation.
    private func matches(_ booking: AcknowledgedBooking, _ stored: StoredBooking) -> Bool {
        let (status, payments): (BookingStatus, Int) =
            switch booking.state {
            case .booked: (.booked, 0)
            case .paid: (.confirmed, 1)
            case .cancelled: (.cancelled, 0)
            // A hold may have expired meanwhile.
            case .held: (stored.status == .expired ? .expired : .held, 0)
            }
        return stored.status == status && stored.payments == payments
            && stored.start == grid.start(of: booking.slot)
    }

    /// The bookings whose time was already taken. All have one length and one grid, so equal starts suffice.
    private func conflicts(_ person: KeyPath<StoredBooking, Int64>) -> [Int64] {
        var taken: Set<[Int64]> = []
        return stored.filter { $0.occupiesTime && !taken.insert([$0[keyPath: person], $0.start]).inserted }
            .map(\.id)
    }

    private func result(_ name: String, _ seen: String, _ broken: [Int64], _ what: String) -> CheckResult {
        let examples = broken.prefix(5).map(String.init).joined(separator: ", ")
        return CheckResult(
            name: name, passed: broken.isEmpty,
            detail: broken.isEmpty
                ? seen
                : "\(seen); \(broken.count) \(what), such as \(examples)")
    }
}
