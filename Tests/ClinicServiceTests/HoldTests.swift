// Holds: they keep a slot, they end by themselves, and there are two of them at most.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import Synchronization
import TestCluster
import Testing

@Suite struct HoldTests {
    private static let shared = Task { try await TestClinic() }

    private func scene() async throws -> (
        clinic: TestClinic, administrator: Session, doctor: Doctor, patient: Session
    ) {
        let clinic = try await Self.shared.value
        let administrator = try await clinic.administrator()
        return (
            clinic, administrator, try await clinic.doctor(by: administrator), try await clinic.signUp()
        )
    }

    @Test func `a hold keeps the slot for ten minutes and becomes a booking at the price of the hold`()
        async throws
    {
        let (clinic, administrator, doctor, patient) = try await scene()
        let before = Instant.now.secondsSinceEpoch
        let hold = try await patient.hold(doctor, at: clinic.dateTime(), key: "hold")
        #expect(hold.status == .held)
        let lasts = (hold.holdExpireTime?.seconds ?? 0) - before
        #expect((599...605).contains(lasts))
        #expect(try await patient.hold(doctor, at: clinic.dateTime(), key: "hold") == hold)

        let rival = try await clinic.signUp()
        let refusal = try await status { try await rival.hold(doctor, at: clinic.dateTime()) }
        #expect(refusal?.errorInfo?.reason == "SLOT_TAKEN")
        #expect(try await status { _ = try await patient.pay(hold) }?.errorInfo?.reason == "NOT_PAYABLE")

        try await administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(
                doctorID: doctor.id, doctor: Doctor(consultationFee: Money(minorUnits: 99_999))))
        let booking = try await patient.confirm(hold, etag: hold.etag)
        #expect(booking.id == hold.id && booking.status == .booked && booking.holdExpireTime == nil)
        #expect(booking.etag != hold.etag)
        #expect(try await patient.confirm(hold) == booking)
        #expect(try await patient.pay(booking).fee?.minorUnits == 20_099)
    }

    @Test func `a hold that has run out blocks nobody and is EXPIRED to all, though nobody swept it away`()
        async throws
    {
        let (clinic, administrator, doctor, patient) = try await scene()
        let hold = try await patient.hold(doctor, at: clinic.dateTime())
        try await clinic.runOut(hold)
        #expect(try await clinic.storedStatus(hold) == "HELD")

        #expect(try await patient.get(hold).status == .expired)
        #expect(
            try await patient.call(
                BookingServiceMethods.listMyBookings, ListMyBookingsRequest(statuses: [.held])
            )
            .bookings.isEmpty)
        let expired = try await administrator.call(
            BookingServiceMethods.listBookings, ListBookingsRequest(doctorID: doctor.id, statuses: [.expired])
        )
        #expect(expired.bookings.map(\.id) == [hold.id])
        for statuses in [[.held, .expired], [.expired, .booked]] as [[ClinicMessages.BookingStatus]] {
            let found = try await patient.call(
                BookingServiceMethods.listMyBookings, ListMyBookingsRequest(statuses: statuses))
            #expect(found.bookings.map(\.id) == [hold.id], "\(statuses)")
        }
        let held = try await patient.call(
            BookingServiceMethods.listMyBookings, ListMyBookingsRequest(statuses: [.held, .booked]))
        #expect(held.bookings.isEmpty)
        for attempt in [
            { _ = try await patient.confirm(hold) }, { _ = try await patient.pay(hold) },
            { _ = try await patient.cancel(hold) },
            { _ = try await patient.reschedule(hold, to: clinic.dateTime(hour: 15)) },
        ] as [() async throws -> Void] {
            #expect(try await status(of: attempt)?.code == .failedPrecondition)
        }
        #expect(try await status { try await patient.confirm(hold) }?.errorInfo?.reason == "HOLD_EXPIRED")
        #expect(try await patient.search(doctor, day: clinic.day()).slots.count == 48)

        // Its time is free for others, and the patient for other doctors.
        let rival = try await clinic.signUp()
        let booking = try await rival.book(doctor, at: clinic.dateTime())
        #expect(booking.status == .booked)
        #expect(try await clinic.storedStatus(hold) == "EXPIRED")
        let events = """
            select count(*) from clinic.event where entity = 'booking' and entity_id = $1 and actor_id is null
            and change = '{"from": "HELD", "status": "EXPIRED"}'
            """
        #expect(try await clinic.count(events, [.int64(hold.id)]) == 1)

        let other = try await patient.hold(clinic.doctor(by: administrator), at: clinic.dateTime())
        try await clinic.runOut(other)
        _ = try await patient.book(clinic.doctor(by: administrator), at: clinic.dateTime())
        #expect(try await clinic.storedStatus(other) == "EXPIRED")
    }

    @Test func `a hold ends when its appointment begins`() async throws {
        let (_, administrator, doctor, patient) = try await scene()
        let quick = try await administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(doctorID: doctor.id, doctor: Doctor(slotMinutes: 5)))
        let start = Instant.now.secondsSinceEpoch / 300 * 300 + 300
        let hold = try await patient.call(
            BookingServiceMethods.holdSlot,
            HoldSlotRequest(doctorID: quick.id, time: .startTime(ProtobufTimestamp(seconds: start))))
        #expect(hold.holdExpireTime == hold.startTime)
    }

    @Test func `a patient has two live holds, and a third when one is confirmed, cancelled or has run out`()
        async throws
    {
        let (clinic, administrator, doctor, patient) = try await scene()
        var holds = [
            try await patient.hold(doctor, at: clinic.dateTime(hour: 8)),
            try await patient.hold(doctor, at: clinic.dateTime(hour: 9)),
        ]
        let third = { (hour: Int) in try await patient.hold(doctor, at: clinic.dateTime(hour: hour)) }
        let refusal = try await status { _ = try await third(10) }
        #expect(refusal?.code == .failedPrecondition)
        #expect(refusal?.errorInfo?.reason == "TOO_MANY_HOLDS")
        // The clinic holds for a patient under the same rule.
        let byStaff = try await status {
            try await administrator.call(
                BookingServiceMethods.holdSlot,
                HoldSlotRequest(
                    doctorID: doctor.id, time: .bookingDateTime(clinic.dateTime(hour: 10)),
                    userID: patient.userID))
        }
        #expect(byStaff?.errorInfo?.reason == "TOO_MANY_HOLDS")

        try await clinic.runOut(holds.removeFirst())
        holds.append(try await third(10))
        try await patient.confirm(holds.removeFirst())
        holds.append(try await third(11))
        try await patient.cancel(holds.removeFirst())
        _ = try await third(12)
        #expect(try await status { _ = try await third(13) }?.errorInfo?.reason == "TOO_MANY_HOLDS")
    }

    @Test func `sixteen holds of one patient at once leave two`() async throws {
        try await withTwoServers { clinic, second in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            for day in 2..<5 {
                let patient = try await clinic.signUp()
                let elsewhere = try await second.admit([patient])[0]
                let ends = try await race(
                    behind: "select from clinic.user_account where id = \(patient.userID) for update",
                    in: [clinic, second],
                    [
                        Contenders(backends: 2, each: 0..<16) { hour in
                            try await (hour % 2 == 0 ? patient : elsewhere).hold(
                                doctor, at: clinic.dateTime(daysAhead: Int64(day), hour: 5 + hour))
                        }
                    ])
                #expect(ends == [["OK": 2, "TOO_MANY_HOLDS": 14]])
            }
        }
    }

    @Test func `one of 64 who hold or book one slot gets it, also where a hold has run out`() async throws {
        try await withTwoServers { clinic, second in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patients = try await clinic.patients(32)
            let elsewhere = try await second.admit(clinic.patients(32))
            for round in 0..<6 {
                let dateTime = try clinic.dateTime(daysAhead: Int64(3 + round / 2), hour: 10 + round % 2)
                if round % 2 == 0 { try await clinic.runOut(clinic.signUp().hold(doctor, at: dateTime)) }
                let winner = Mutex<(patient: Session, booking: Booking)?>(nil)
                let ends = try await race(
                    behind: "select from clinic.doctor where id = \(doctor.id) for update",
                    in: [clinic, second],
                    [
                        Contenders(backends: 2, each: (patients + elsewhere).enumerated().map { $0 }) {
                            index, patient in
                            let booking =
                                if index % 2 == 0 { try await patient.book(doctor, at: dateTime) } else {
                                    try await patient.hold(doctor, at: dateTime)
                                }
                            winner.withLock { $0 = (patient, booking) }
                        }
                    ])
                #expect(ends == [["OK": 1, "SLOT_TAKEN": 63]])
                #expect(try await clinic.count(TestClinic.overlaps) == 0)
                // Otherwise a winner of two rounds by a hold would be full at the third.
                let won = winner.withLock { $0 }
                let (patient, booking) = try #require(won)
                try await patient.cancel(booking)
            }
        }
    }

    @Test func `without the constraints the same race takes the slot twice`() async throws {
        try await withTwoServers { clinic, second in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patients = try await clinic.patients(4)
            let elsewhere = try await second.admit(clinic.patients(4))
            try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                try connection.execute(
                    """
                    alter table clinic.booking drop constraint booking_doctor_busy;
                    alter table clinic.booking drop constraint booking_patient_busy;
                    """)
            }
            let ends = try await race(
                behind: "select from clinic.doctor where id = \(doctor.id) for update", in: [clinic, second],
                [
                    Contenders(backends: 2, each: patients + elsewhere) { patient in
                        try await patient.hold(doctor, at: clinic.dateTime())
                    }
                ])
            #expect((ends[0]["OK"] ?? 0) > 1)
        }
    }
}
