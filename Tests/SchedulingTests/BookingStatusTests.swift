// An independent copy of the table of booking states, and the conditions of status changes.
import Scheduling
import Testing

@Suite struct BookingStatusTests {
    private let now = Instant(microsecondsSinceEpoch: 1_000_000_000)
    private let day: Int64 = 24 * 3_600

    /// The statuses that may be set by hand, and from which ones.
    private static let table: [BookingStatus: [BookingStatus]] = [
        .cancelled: [.held, .booked, .confirmed], .arrived: [.booked, .confirmed], .completed: [.arrived],
        .noShow: [.booked, .confirmed],
    ]

    @Test(arguments: BookingStatus.allCases)
    func `staff may make exactly the transitions of the table`(target: BookingStatus) throws {
        let conditions = try StatusChangeConditions(
            movingTo: target, by: .staff, now: now, fullRefundBefore: day)
        #expect(conditions.target == target)
        #expect(conditions.sources == Self.table[target, default: []])
        #expect(conditions.startsAfter == nil)
        #expect(conditions.startsBy == (target == .noShow ? now : nil))
        #expect((conditions.refundsFrom != nil) == (target == .cancelled))
    }

    @Test(arguments: BookingStatus.allCases)
    func `an owner may only cancel, and only before the start`(target: BookingStatus) throws {
        guard target == .cancelled else {
            #expect(throws: StatusChangeForbidden.self) {
                try StatusChangeConditions(movingTo: target, by: .owner, now: now, fullRefundBefore: day)
            }
            return
        }
        let conditions = try StatusChangeConditions(
            movingTo: target, by: .owner, now: now, fullRefundBefore: day)
        #expect(conditions.sources == Self.table[.cancelled])
        #expect(conditions.startsAfter == now)
        #expect(conditions.startsBy == nil)
    }

    @Test func `held, booked, confirmed and arrived bookings occupy time`() {
        #expect(BookingStatus.allCases.filter(\.occupiesTime) == [.held, .booked, .confirmed, .arrived])
    }

    @Test func `a payment confirms a booking and does not change a visit that has begun`() {
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

    @Test func `an owner's cancellation is refunded a day ahead, the clinic's always`() throws {
        func refundsFrom(_ actor: BookingActor, _ seconds: Int64) throws -> Instant? {
            try StatusChangeConditions(movingTo: .cancelled, by: actor, now: now, fullRefundBefore: seconds)
                .refundsFrom
        }
        #expect(try refundsFrom(.owner, day) == now.adding(seconds: day))
        #expect(try refundsFrom(.owner, 0) == now)
        // The deadline overflows: nothing is refunded, and nothing traps.
        #expect(try refundsFrom(.owner, .max) == nil)
        let clinic = try #require(try refundsFrom(.staff, .max))
        #expect(clinic < now)
    }

    @Test func `raw values are the schema's names and labels are distinct`() {
        #expect(
            BookingStatus.allCases.map(\.rawValue) == [
                "HELD", "BOOKED", "CONFIRMED", "ARRIVED", "COMPLETED", "CANCELLED", "EXPIRED", "NO_SHOW",
            ])
        #expect(BookingStatus.noShow.label == "No show")
        #expect(Set(BookingStatus.allCases.map(\.label)).count == BookingStatus.allCases.count)
    }
}
