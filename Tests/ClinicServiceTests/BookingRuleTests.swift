// The rules of bookings that nobody gets around: the deadline of refunds, the number of open bookings, and the times of facts.

import ClinicMessages
import ClinicService
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import Testing

extension TestClinic {
    /// Lets a booking begin some minutes from now, in the past if they are negative, and end some minutes from now.
    func move(_ booking: Booking, toMinute start: Int64, until end: Int64) async throws {
        try await run(
            """
            update clinic.booking
            set start_time = now() + $2 * interval '1 minute', end_time = now() + $3 * interval '1 minute',
                occupied = tstzrange(now() + $2 * interval '1 minute', now() + $3 * interval '1 minute')
            where id = $1
            """, [.int64(booking.id), .int64(start), .int64(end)])
    }

    /// A zone in which it is about noon, so that the day does not change under a test.
    static func noonZone() throws -> TimeZoneRules {
        let hour = Int(Instant.now.secondsSinceEpoch / 3_600 % 24)
        return try #require(
            TimeZoneRules(identifier: "Noon", initialOffset: (12 - hour) * 3_600, transitions: []))
    }
}

/// A fact that a failure carries beside its reason.
func fact(_ key: String, of failure: Status?) -> String? {
    failure?.errorInfo?.metadata.first { $0.key == key }?.value
}

extension Session {
    /// Books the slot that begins at the next half hour or the one after it: within a day, when nothing is refunded.
    func bookSoon(_ doctor: Doctor) async throws -> Booking {
        let seconds = (Instant.now.secondsSinceEpoch / 1_800 + 2) * 1_800
        return try await call(
            BookingServiceMethods.bookAppointment,
            BookAppointmentRequest(doctorID: doctor.id, time: .startTime(ProtobufTimestamp(seconds: seconds)))
        )
    }

    func set(_ status: ClinicMessages.BookingStatus, of booking: Booking, etag: String = "") async throws
        -> Booking
    {
        try await call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: booking.id, status: status, etag: etag))
    }

    func delete(_ booking: Booking) async throws {
        try await call(BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: booking.id))
    }
}

@Suite struct RefundDeadlineTests {
    private static let shared = Task { try await TestClinic() }
    private static let day: Int64 = 86_400

    private func scene() async throws -> (TestClinic, administrator: Session, Doctor, patient: Session) {
        let clinic = try await Self.shared.value
        let administrator = try await clinic.administrator()
        return (
            clinic, administrator, try await clinic.doctor(by: administrator), try await clinic.signUp()
        )
    }

    private func deadline(_ booking: Booking) -> Int64? {
        guard let start = booking.startTime, let until = booking.refundUntil else { return nil }
        return start.seconds - until.seconds
    }

    private func payments(of booking: Booking, _ administrator: Session) async throws
        -> [ClinicMessages.TransactionStatus]
    {
        let request = ListTransactionsRequest(bookingID: booking.id)
        return try await administrator.call(PaymentServiceMethods.listTransactions, request).transactions
            .map { $0.status }
    }

    enum WayOut: CaseIterable { case cancelling, deleting, erasing }

    private func leave(_ booking: Booking, _ way: WayOut, as person: Session) async throws {
        switch way {
        case .cancelling: try await person.cancel(booking)
        case .deleting: try await person.delete(booking)
        case .erasing:
            try await person.call(
                UserServiceMethods.eraseUser, EraseUserRequest(userID: booking.user?.id ?? 0))
        }
    }

    @Test(arguments: WayOut.allCases)
    func `a visit that was moved to next week is not refunded, whatever way its patient leaves it`(
        way: WayOut
    ) async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        let booking = try await patient.bookSoon(doctor)
        _ = try await patient.pay(booking)
        let moved = try await patient.reschedule(booking, to: clinic.dateTime(daysAhead: 7))
        #expect(moved.refundUntil == booking.refundUntil)
        try await leave(booking, way, as: patient)
        #expect(try await payments(of: booking, administrator) == [.paid])
    }

    @Test(arguments: WayOut.allCases)
    func `a visit that the clinic moved or cancels is refunded`(way: WayOut) async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        let moved = try await patient.bookSoon(doctor)
        _ = try await patient.pay(moved)
        let later = try await administrator.reschedule(moved, to: clinic.dateTime(daysAhead: 7))
        #expect(deadline(later) == Self.day)
        let soon = try await patient.bookSoon(doctor)
        _ = try await patient.pay(soon)
        if way != .erasing { try await leave(moved, way, as: patient) }
        try await leave(soon, way, as: administrator)
        #expect(try await payments(of: moved, administrator) == [.refunded])
        #expect(try await payments(of: soon, administrator) == [.refunded])
    }

    @Test func `moving a visit earlier makes its deadline earlier, and moving it back does not undo that`()
        async throws
    {
        let (clinic, _, doctor, patient) = try await scene()
        let booking = try await patient.book(doctor, at: clinic.dateTime(daysAhead: 9))
        #expect(deadline(booking) == Self.day)
        let earlier = try await patient.reschedule(booking, to: clinic.dateTime(daysAhead: 5))
        #expect(deadline(earlier) == Self.day)
        let back = try await patient.reschedule(booking, to: clinic.dateTime(daysAhead: 9))
        #expect(back.refundUntil == earlier.refundUntil)
        #expect(try await patient.get(booking).refundUntil == earlier.refundUntil)
    }

    @Test(arguments: WayOut.allCases)
    func `staff go by the patient's rules on their own bookings`(way: WayOut) async throws {
        let (clinic, administrator, doctor, _) = try await scene()
        let person = try await clinic.administrator()
        let booking = try await person.bookSoon(doctor)
        _ = try await person.pay(booking)
        let moved = try await person.reschedule(booking, to: clinic.dateTime(daysAhead: 7))
        #expect(moved.refundUntil == booking.refundUntil)
        try await leave(booking, way, as: person)
        #expect(try await payments(of: booking, administrator) == [.paid])
    }

    @Test func `staff do not leave their own booking after it has begun`() async throws {
        let (clinic, _, doctor, _) = try await scene()
        let person = try await clinic.administrator()
        let booking = try await person.book(doctor, at: clinic.dateTime())
        try await clinic.move(booking, toMinute: -5, until: 25)
        #expect(try await ending { try await person.cancel(booking) } == "ALREADY_STARTED")
        #expect(
            try await ending { try await person.reschedule(booking, to: clinic.dateTime(daysAhead: 3)) }
                == "ALREADY_STARTED")
    }

    @Test func `a booking of an older version goes by the clinic's setting`() async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        let early = try await patient.book(doctor, at: clinic.dateTime(daysAhead: 7))
        let late = try await patient.bookSoon(doctor)
        for booking in [early, late] {
            _ = try await patient.pay(booking)
            try await clinic.run(
                "update clinic.booking set refund_until = null where id = $1", [.int64(booking.id)])
            #expect(deadline(try await patient.get(booking)) == Self.day)
            try await patient.cancel(booking)
        }
        #expect(try await payments(of: early, administrator) == [.refunded])
        #expect(try await payments(of: late, administrator) == [.paid])
    }

    @Test func `a booking and its slot show the price with GST before it is paid`() async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        func units(_ money: Money?...) -> [Int64?] { money.map { $0?.minorUnits } }
        let slots = try await patient.search(doctor, day: clinic.day())
        #expect(units(slots.consultationFee, slots.gst, slots.totalFee) == [20_099, 2_010, 22_109])
        let booking = try await patient.book(doctor, at: clinic.dateTime())
        #expect(units(booking.fee, booking.gst, booking.totalFee) == [20_099, 2_010, 22_109])
        #expect(booking.totalFee?.currencyCode == "AUD")
        #expect(try await patient.get(booking) == booking)
        let listed = try await patient.call(
            BookingServiceMethods.listMyBookings, ListMyBookingsRequest()
        ).bookings
        #expect(listed == [booking])
        #expect(try await patient.pay(booking).totalFee == booking.totalFee)
        try await administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(doctorID: doctor.id, doctor: Doctor(gstFree: true)))
        let free = try await patient.search(doctor, day: clinic.day())
        #expect(units(free.gst, free.totalFee) == [0, 20_099])
    }
}

@Suite struct OpenBookingTests {
    @Test func `of more bookings at once than a patient may have open, exactly that many are made`()
        async throws
    {
        try await withClinic(maximumOpenBookings: 3) { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            let endings = try await race(
                (8..<20).map { hour in
                    { _ = try await patient.book(doctor, at: clinic.dateTime(hour: hour)) }
                })
            #expect(endings == ["OK": 3, "TOO_MANY_BOOKINGS": 9])
            let failure = try await status { try await patient.hold(doctor, at: clinic.dateTime(hour: 21)) }
            #expect(failure?.code == .failedPrecondition)
            #expect(fact("limit", of: failure) == "3")
            // Others book, and the staff book for the patient.
            _ = try await clinic.signUp().book(doctor, at: clinic.dateTime(hour: 22))
            try await administrator.call(
                BookingServiceMethods.bookAppointment,
                BookAppointmentRequest(
                    doctorID: doctor.id, time: .bookingDateTime(clinic.dateTime(hour: 23)),
                    userID: patient.userID))
            let mine = try await patient.call(
                BookingServiceMethods.listMyBookings, ListMyBookingsRequest()
            ).bookings
            #expect(mine.count == 4)
            // One that is cancelled and one that has begun are open no more.
            try await patient.cancel(mine[0])
            try await clinic.move(mine[1], toMinute: -5, until: 25)
            _ = try await patient.book(doctor, at: clinic.dateTime(hour: 7))
            #expect(
                try await ending { _ = try await patient.book(doctor, at: clinic.dateTime(hour: 6)) }
                    == "TOO_MANY_BOOKINGS")
        }
    }

    @Test func `callers of one batch are counted together`() async throws {
        try await withClinic(maximumOpenBookings: 2, writeConnections: 1) { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patients = try await clinic.patients(4)
            typealias Call = @Sendable () async throws -> Void
            let calls = patients.enumerated().flatMap { index, patient in
                (0..<4).map { slot -> Call in
                    { @Sendable in
                        _ = try await patient.book(doctor, at: clinic.dateTime(hour: 4 + 4 * index + slot))
                    }
                }
            }
            // They wait in the queue of the only connection, and are then sent together.
            let endings = try await race(
                behind: "select 1 from clinic.doctor where id = \(doctor.id) for update", in: [clinic],
                [Contenders(backends: 1, calls)])
            #expect(endings == [["OK": 8, "TOO_MANY_BOOKINGS": 8]])
            let most = try await clinic.count(
                "select max(number) from (select count(*) as number from clinic.booking group by user_id) as own"
            )
            #expect(most == 2)
        }
    }

    @Test func `the holds of a day are limited, and staff hold more for a patient`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            for _ in 0..<Hold.dailyLimitPerPatient {
                try await patient.cancel(patient.hold(doctor, at: clinic.dateTime()))
            }
            let failure = try await status { try await patient.hold(doctor, at: clinic.dateTime()) }
            #expect(failure?.errorInfo?.reason == "TOO_MANY_BOOKINGS")
            #expect(fact("holds_per_day", of: failure) == "50")
            try await administrator.call(
                BookingServiceMethods.holdSlot,
                HoldSlotRequest(
                    doctorID: doctor.id, time: .bookingDateTime(clinic.dateTime()), userID: patient.userID))
            try await clinic.run(
                "update clinic.booking set created_at = created_at - interval '1 day' where user_id = $1",
                [.int64(patient.userID)])
            try await patient.hold(doctor, at: clinic.dateTime(hour: 12))
        }
    }
}

@Suite struct TimesOfFactsTests {
    private func withVisit(
        _ body: (TestClinic, _ staff: Session, Doctor, Session, Booking) async throws -> Void
    ) async throws {
        try await withClinic(zone: TestClinic.noonZone()) { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            let booking = try await patient.book(doctor, at: clinic.dateTime())
            try await body(clinic, try await clinic.staff(by: administrator), doctor, patient, booking)
        }
    }

    @Test func `a patient arrives on the day of the visit, and is seen or missed after its start`()
        async throws
    {
        try await withVisit { clinic, staff, _, _, booking in
            #expect(try await ending { _ = try await staff.set(.arrived, of: booking) } == "WRONG_DAY")
            try await clinic.move(booking, toMinute: -1_440, until: -1_410)
            #expect(try await ending { _ = try await staff.set(.arrived, of: booking) } == "WRONG_DAY")
            try await clinic.move(booking, toMinute: 60, until: 90)
            #expect(try await ending { _ = try await staff.set(.noShow, of: booking) } == "NOT_STARTED")
            #expect(try await staff.set(.arrived, of: booking).status == .arrived)
            #expect(try await ending { _ = try await staff.set(.completed, of: booking) } == "NOT_STARTED")
            try await clinic.move(booking, toMinute: -1, until: 29)
            #expect(try await staff.set(.completed, of: booking).status == .completed)
        }
    }

    @Test func `a visit that is completed early keeps its time until its end`() async throws {
        try await withVisit { clinic, staff, doctor, patient, booking in
            try await clinic.move(booking, toMinute: -1, until: 90)
            _ = try await staff.set(.arrived, of: booking)
            #expect(try await staff.set(.completed, of: booking).status == .completed)
            let other = try await clinic.signUp()
            #expect(try await ending { _ = try await other.bookSoon(doctor) } == "SLOT_TAKEN")
            let administrator = try await clinic.administrator()
            let elsewhere = try await clinic.doctor(by: administrator)
            #expect(try await ending { _ = try await patient.bookSoon(elsewhere) } == "PATIENT_BUSY")
            let free = try await other.search(doctor, day: clinic.day(ahead: 0)).slots
            let end = Instant.now.secondsSinceEpoch + 85 * 60
            #expect(!free.isEmpty && free.allSatisfy { ($0.startTime?.seconds ?? 0) > end })
            // A visit that was completed after its end is in nobody's way.
            try await clinic.run(
                "update clinic.booking set completed_at = end_time where id = $1", [.int64(booking.id)])
            _ = try await other.bookSoon(doctor)
        }
    }

    @Test func `an arrival that was a slip is taken back to what the booking was`() async throws {
        try await withVisit { clinic, staff, _, patient, booking in
            try await clinic.move(booking, toMinute: 60, until: 90)
            _ = try await staff.set(.arrived, of: booking)
            let failure = try await status { _ = try await staff.set(.confirmed, of: booking) }
            #expect(failure?.errorInfo?.reason == "INVALID_TRANSITION")
            #expect(fact("instead", of: failure) == "BOOKED")
            #expect(try await staff.set(.booked, of: booking).status == .booked)
            _ = try await staff.set(.arrived, of: booking)
            _ = try await patient.pay(booking)
            #expect(
                try await ending { _ = try await staff.set(.booked, of: booking) } == "INVALID_TRANSITION")
            #expect(try await staff.set(.confirmed, of: booking).status == .confirmed)
            #expect(
                try await ending { _ = try await patient.set(.booked, of: booking) }
                    == "OWNER_MAY_ONLY_CANCEL")
        }
    }
}
