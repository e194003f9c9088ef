// The table of booking states, written out once more by hand: every from, to and actor.
import Scheduling
import Testing

@Suite struct BookingStatusTests {
    private static let start = Instant(microsecondsSinceEpoch: 1_000_000_000)
    private static let before = Instant(microsecondsSinceEpoch: 999_999_999)

    /// The changes the clinic may make, and whether they need the start to be reached.
    private static let table: [(from: BookingStatus, to: BookingStatus, afterStart: Bool)] = [
        (.held, .cancelled, false), (.booked, .cancelled, false), (.confirmed, .cancelled, false),
        (.booked, .arrived, false), (.confirmed, .arrived, false), (.arrived, .completed, false),
        (.booked, .noShow, true), (.confirmed, .noShow, true),
    ]

    @Test(arguments: BookingStatus.allCases, BookingStatus.allCases)
    func `staff may do what the table says and nothing else`(from: BookingStatus, to: BookingStatus) {
        let row = Self.table.first { $0.from == from && $0.to == to }
        for now in [Self.before, Self.start] {
            let expected: BookingTransition
            if from == to {
                expected = .alreadyThere
            } else if let row {
                let early = row.afterStart && now < Self.start
                expected = early ? .refused(.notBeforeStart) : .allowed
            } else {
                expected = .refused(.invalid(from: from, to: to))
            }
            #expect(from.transition(to: to, by: .staff, now: now, start: Self.start) == expected)
        }
    }

    @Test(arguments: BookingStatus.allCases, BookingStatus.allCases)
    func `an owner may only cancel, and only before the start`(from: BookingStatus, to: BookingStatus) {
        for now in [Self.before, Self.start] {
            let expected: BookingTransition
            if to != .cancelled {
                expected = .refused(.ownerMayOnlyCancel)
            } else if from == .cancelled {
                expected = .alreadyThere
            } else if ![.held, .booked, .confirmed].contains(from) {
                expected = .refused(.invalid(from: from, to: to))
            } else {
                expected = now < Self.start ? .allowed : .refused(.ownerAfterStart)
            }
            #expect(from.transition(to: to, by: .owner, now: now, start: Self.start) == expected)
        }
    }

    @Test func `four states occupy time`() {
        #expect(BookingStatus.allCases.filter(\.occupiesTime) == [.held, .booked, .confirmed, .arrived])
    }

    @Test func `a payment confirms a booking and leaves a visit as it is`() {
        let expected: [BookingStatus: BookingStatus] = [
            .booked: .confirmed, .confirmed: .confirmed, .arrived: .arrived, .completed: .completed,
        ]
        for status in BookingStatus.allCases { #expect(status.afterPayment == expected[status]) }
    }

    @Test func `a full refund frees the slot of a visit that has not begun`() {
        for status in BookingStatus.allCases {
            let frees = status == .booked || status == .confirmed
            #expect(status.afterFullRefund == (frees ? .cancelled : status))
            #expect(status.afterVoid == (status == .confirmed ? .booked : status))
        }
    }

    @Test func `an owner's cancellation refunds a day ahead, the clinic's always`() {
        let day: Int64 = 24 * 3_600
        let start = Instant(microsecondsSinceEpoch: 10 * day * 1_000_000)
        func refunds(_ actor: BookingActor, _ microsecondsAhead: Int64, _ window: Int64 = 24 * 3_600) -> Bool
        {
            let now = Instant(microsecondsSinceEpoch: start.microsecondsSinceEpoch - microsecondsAhead)
            return BookingStatus.cancellingRefundsInFull(
                by: actor, now: now, start: start, fullRefundBefore: window)
        }
        #expect(refunds(.owner, day * 1_000_000))
        #expect(!refunds(.owner, day * 1_000_000 - 1))
        #expect(refunds(.owner, 0, 0))
        #expect(!refunds(.owner, day * 1_000_000, .max))
        #expect(refunds(.staff, -1))
    }

    @Test func `names are those of the schema, labels are for people`() {
        #expect(
            BookingStatus.allCases.map(\.rawValue) == [
                "HELD", "BOOKED", "CONFIRMED", "ARRIVED", "COMPLETED", "CANCELLED", "EXPIRED", "NO_SHOW",
            ])
        #expect(BookingStatus.noShow.label == "No show")
        #expect(Set(BookingStatus.allCases.map(\.label)).count == BookingStatus.allCases.count)
    }
}
