// An independent copy of the table of booking states, and the conditions of status changes.
import Scheduling
import Testing

@Suite struct BookingStatusTests {
    private let now = Instant(microsecondsSinceEpoch: 1_000_000_000)
    private let day: Int64 = 24 * 3_600

    /// The statuses that may be set by hand, and from which ones.
    private static let table: [BookingStatus: [BookingStatus]] = [
        .cancelled: [.held, .booked, .confirmed], .arrived: [.booked, .confirmed], .completed: [.arrived],
        .noShow: [.booked, .confirmed], .booked: [.arrived], .confirmed: [.arrived],
    ]

    @Test(arguments: BookingStatus.allCases)
    func `staff may make exactly the transitions of the table`(target: BookingStatus) throws {
        let conditions = try StatusChangeConditions(movingTo: target, by: .staff, now: now, zone: .utc)
        #expect(conditions.target == target)
        #expect(conditions.sources == Self.table[target, default: []])
        #expect(conditions.cancelledAt == (target == .cancelled ? now : nil))
        #expect(conditions.isPaid == [.booked: false, .confirmed: true][target])
    }

    @Test func `a status that states a fact has its time`() throws {
        func start(_ target: BookingStatus, _ zone: TimeZoneRules = .utc) throws -> [Instant?] {
            let conditions = try StatusChangeConditions(movingTo: target, by: .staff, now: now, zone: zone)
            return [conditions.startsFrom, conditions.startsBy]
        }
        let midnight = Instant(microsecondsSinceEpoch: 0)
        #expect(try start(.completed) == [nil, now])
        #expect(try start(.noShow) == [nil, now])
        #expect(try start(.booked) == [nil, nil])
        #expect(
            try start(.arrived) == [midnight, Instant(microsecondsSinceEpoch: day * 1_000_000 - 1)])
        // The local day began two hours before that of UTC.
        let east = try #require(
            TimeZoneRules(identifier: "East", initialOffset: 7_200, transitions: []))
        #expect(try start(.arrived, east).first == midnight.adding(seconds: -7_200))
    }

    @Test(arguments: BookingStatus.allCases)
    func `an owner may only cancel`(target: BookingStatus) throws {
        guard target == .cancelled else {
            #expect(throws: StatusChangeForbidden.self) {
                try StatusChangeConditions(movingTo: target, by: .owner, now: now, zone: .utc)
            }
            return
        }
        let conditions = try StatusChangeConditions(movingTo: target, by: .owner, now: now, zone: .utc)
        #expect(conditions.sources == Self.table[.cancelled])
        #expect(conditions.cancelledAt == now)
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

    @Test func `a patient's cancellation is refunded until the deadline, the clinic's always`() throws {
        let cancelling = try StatusChangeConditions(
            movingTo: .cancelled, by: .staff, now: now, zone: .utc)
        let past = try #require(now.adding(microseconds: -1))
        #expect(cancelling.refunds(isOwn: true, until: now))
        #expect(!cancelling.refunds(isOwn: true, until: past))
        #expect(cancelling.refunds(isOwn: false, until: past))
        let arrival = try StatusChangeConditions(movingTo: .arrived, by: .staff, now: now, zone: .utc)
        #expect(!arrival.refunds(isOwn: false, until: now))
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
