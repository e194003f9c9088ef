// Holds what the loops were told against what is there: nothing that was acknowledged may be missing or otherwise, nothing
// may be there that nobody asked for, and no time may be taken twice.

internal import ClinicMessages

/// A run's acknowledgements and the bookings of its doctors.
struct BookingComparison {
    let grid: ScenarioGrid
    let remembered: [RememberedBooking]
    let found: [FoundBooking]
    /// Calls that may have made a booking without saying so.
    let unanswered: Int

    init(
        _ grid: ScenarioGrid, remembered: [RememberedBooking], found: [FoundBooking], unanswered: Int
    ) {
        self.grid = grid
        self.remembered = remembered
        self.found = found
        self.unanswered = unanswered
    }

    /// What holds and what does not.
    var results: [CheckResult] {
        let byID = Dictionary(found.map { ($0.id, $0) }) { first, _ in first }
        let missing = remembered.filter { byID[$0.id] == nil }.map(\.id)
        let certain = remembered.filter(\.isCertain)
        let different = certain.filter { booking in byID[booking.id].map { !holds(booking, $0) } ?? false }
        let known = Set(remembered.map(\.id))
        let unknown = found.filter { !known.contains($0.id) }.map(\.id)
        return [
            result(
                "every acknowledged booking is there", "\(remembered.count) bookings", missing, "are missing"),
            result(
                "every booking is as it was acknowledged last",
                "status, time and payment of \(certain.count) bookings", different.map(\.id), "differ"),
            result(
                "nothing was booked that nobody asked for",
                "\(unknown.count) bookings without an answer, at most \(unanswered) allowed",
                unknown.count > unanswered ? unknown : [], "were not acknowledged"),
            result("no doctor has two patients", "\(found.count) bookings", twice(\.doctorID), "are second"),
            result(
                "no patient is in two places", "\(found.count) bookings", twice(\.patientID), "are second"),
        ]
    }

    /// Whether a booking is as it was acknowledged. All start far enough ahead for a cancelled one to be refunded.
    private func holds(_ booking: RememberedBooking, _ found: FoundBooking) -> Bool {
        let (status, payments): (BookingStatus, Int) =
            switch booking.state {
            case .booked: (.booked, 0)
            case .paid: (.confirmed, 1)
            case .cancelled: (.cancelled, 0)
            // A hold that ran out meanwhile is as it should be.
            case .held: (found.status == .expired ? .expired : .held, 0)
            }
        return found.status == status && found.payments == payments
            && found.start == grid.start(of: booking.slot)
    }

    /// The bookings whose time somebody had already; all are of one length and on one grid.
    private func twice(_ person: KeyPath<FoundBooking, Int64>) -> [Int64] {
        var taken: Set<[Int64]> = []
        return found.filter { $0.occupiesTime && !taken.insert([$0[keyPath: person], $0.start]).inserted }
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
