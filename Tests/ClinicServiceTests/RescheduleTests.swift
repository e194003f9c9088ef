// Moving a booking: the same one, at another time or where it was, whoever else wants to move.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import TestCluster
import Testing

@Suite struct RescheduleTests {
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

    @Test func `a paid booking is moved with its number, its price and its payment, and frees its old slot`()
        async throws
    {
        let (clinic, administrator, doctor, patient) = try await scene()
        let booking = try await patient.book(doctor, at: clinic.dateTime())
        let transaction = try await patient.pay(booking)
        let paid = try await patient.get(booking)
        let later = try clinic.dateTime(daysAhead: 5, hour: 16)
        let moved = try await patient.reschedule(booking, to: later, etag: paid.etag)
        #expect(moved.id == booking.id && moved.bookingDateTime == later && moved.status == .confirmed)
        #expect(moved.transactions.map(\.id) == [transaction.id])
        #expect(moved.etag != paid.etag)
        #expect(try await patient.get(booking) == moved)
        // To where it is already: the same answer, and nothing is written.
        #expect(try await patient.reschedule(booking, to: later) == moved)

        #expect(try await clinic.signUp().book(doctor, at: clinic.dateTime()).status == .booked)
        let taken = try await status { _ = try await clinic.signUp().book(doctor, at: later) }
        #expect(taken?.errorInfo?.reason == "SLOT_TAKEN")
        #expect(
            try await administrator.reschedule(booking, to: clinic.dateTime(daysAhead: 6)).status
                == .confirmed)
    }

    @Test func `a booking moved to a taken time stays where it was`() async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        let booking = try await patient.book(doctor, at: clinic.dateTime(hour: 9))
        _ = try await clinic.signUp().book(doctor, at: clinic.dateTime(hour: 10))
        _ = try await patient.book(clinic.doctor(by: administrator), at: clinic.dateTime(hour: 11))
        for (hour, reason) in [(10, "SLOT_TAKEN"), (11, "PATIENT_BUSY")] {
            let refusal = try await status {
                try await patient.reschedule(booking, to: clinic.dateTime(hour: hour))
            }
            #expect(refusal?.code == .alreadyExists)
            #expect(refusal?.errorInfo?.reason == reason)
            #expect(try await patient.get(booking) == booking)
        }
    }

    @Test func `its own slot is free to a booking, and so is one whose hold has run out`() async throws {
        let (clinic, administrator, doctor, patient) = try await scene()
        let booking = try await patient.book(doctor, at: clinic.dateTime(hour: 10, minute: 30))
        try await administrator.call(
            DoctorServiceMethods.updateDoctor,
            UpdateDoctorRequest(doctorID: doctor.id, doctor: Doctor(slotMinutes: 60)))
        // 10:00 to 11:00 overlaps 10:30 to 11:00, which is the booking's own.
        let moved = try await patient.reschedule(booking, to: clinic.dateTime(hour: 10))
        #expect((moved.endTime?.seconds ?? 0) - (moved.startTime?.seconds ?? 0) == 3_600)
        let hold = try await clinic.signUp().hold(doctor, at: clinic.dateTime(hour: 14))
        try await clinic.runOut(hold)
        _ = try await patient.reschedule(booking, to: clinic.dateTime(hour: 14))
        #expect(try await clinic.storedStatus(hold) == "EXPIRED")
    }

    @Test func `one of 32 bookings that are moved to one slot at once gets it, and the others stay`()
        async throws
    {
        try await withTwoServers { clinic, second in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patients = try await clinic.patients(32)
            let elsewhere = try await second.admit(patients)
            for round in 0..<3 {
                var moves: [@Sendable () async throws -> Void] = []
                for (index, patient) in patients.enumerated() {
                    let booking = try await patient.book(
                        doctor,
                        at: clinic.dateTime(
                            daysAhead: Int64(2 + round * 2), hour: index / 2, minute: 30 * (index % 2)))
                    let mover = index % 2 == 0 ? patient : elsewhere[index]
                    moves.append {
                        try await mover.reschedule(
                            booking, to: clinic.dateTime(daysAhead: Int64(3 + round * 2), hour: 20))
                    }
                }
                let ends = try await race(
                    behind: "select from clinic.doctor where id = \(doctor.id) for update",
                    in: [clinic, second],
                    [Contenders(backends: 2, moves)])
                #expect(ends == [["OK": 1, "SLOT_TAKEN": 31]])
            }
            #expect(try await clinic.count(TestClinic.overlaps) == 0)
        }
    }

    @Test func `two bookings that would swap at once both stay`() async throws {
        try await withTwoServers { clinic, second in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patients = try await clinic.patients(2)
            let elsewhere = try await second.admit([patients[1]])[0]
            for day: Int64 in 2..<6 {
                let (ten, eleven) = (
                    try clinic.dateTime(daysAhead: day, hour: 10),
                    try clinic.dateTime(daysAhead: day, hour: 11)
                )
                let bookings = [
                    try await patients[0].book(doctor, at: ten),
                    try await patients[1].book(doctor, at: eleven),
                ]
                let ends = try await race(
                    behind: "select from clinic.doctor where id = \(doctor.id) for update",
                    in: [clinic, second],
                    [
                        Contenders(
                            backends: 2,
                            [
                                { try await patients[0].reschedule(bookings[0], to: eleven) },
                                { try await elsewhere.reschedule(bookings[1], to: ten) },
                            ])
                    ])
                #expect(ends == [["SLOT_TAKEN": 2]])
                for (patient, booking) in zip(patients, bookings) {
                    #expect(try await patient.get(booking) == booking)
                }
            }
        }
    }

    @Test func `bookings that swap, chase and cross each other never meet`() async throws {
        try await withTwoServers { clinic, second in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patients = try await clinic.patients(8)
            let elsewhere = try await second.admit(patients)
            var moves: [@Sendable () async throws -> Void] = []
            for (index, patient) in patients.enumerated() {
                let booking = try await patient.book(doctor, at: clinic.dateTime(hour: 8 + index))
                for step in 1..<8 {
                    let mover = step % 2 == 0 ? patient : elsewhere[index]
                    // Ten hours for eight bookings: most moves meet one that is there or on its way.
                    let hour = 8 + (index + step * 3) % 10
                    moves.append { try await mover.reschedule(booking, to: clinic.dateTime(hour: hour)) }
                }
            }
            let ends = try await race(
                behind: "select from clinic.doctor where id = \(doctor.id) for update", in: [clinic, second],
                [Contenders(backends: 2, moves)])[0]
            let (moved, taken) = (ends["OK"] ?? 0, ends["SLOT_TAKEN"] ?? 0)
            // Two hours are free at first, and eight bookings cannot all go to where nobody is.
            #expect(moved > 0 && taken > 0)
            // One that met the other server's moves in a deadlock each time it was tried may give up.
            #expect(moved + taken + (ends["STALE_VERSION"] ?? 0) == 56, "\(ends)")
            let events = "select count(*) from clinic.event where method like '%/RescheduleBooking'"
            #expect(try await clinic.count(events) == Int64(moved))
            #expect(try await clinic.count(TestClinic.overlaps) == 0)
            #expect(
                try await clinic.count("select count(*) from clinic.booking where status = 'BOOKED'") == 8)
        }
    }

    @Test func `a booking that is cancelled while it is moved is cancelled, and both times are free`()
        async throws
    {
        try await withTwoServers { clinic, second in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patient = try await clinic.signUp()
            let elsewhere = try await second.admit([patient])[0]
            for round in 0..<6 {
                let (from, to) = (
                    try clinic.dateTime(hour: round), try clinic.dateTime(daysAhead: 3, hour: round)
                )
                let booking = try await patient.book(doctor, at: from)
                _ = try await patient.pay(booking)
                let isCancelledFirst = round % 2 == 0
                let cancellation: @Sendable () async throws -> Void = { try await patient.cancel(booking) }
                let move: @Sendable () async throws -> Void = {
                    try await elsewhere.reschedule(booking, to: to)
                }
                let ends = try await race(
                    behind: "select from clinic.booking where id = \(booking.id) for update",
                    in: [clinic, second],
                    [
                        Contenders(backends: 1, isCancelledFirst ? cancellation : move),
                        Contenders(backends: 2, isCancelledFirst ? move : cancellation),
                    ])
                #expect(ends == [["OK": 1], [isCancelledFirst ? "INVALID_TRANSITION" : "OK": 1]])
                let cancelled = try await patient.get(booking)
                #expect(cancelled.status == .cancelled)
                #expect(cancelled.bookingDateTime == (isCancelledFirst ? from : to))
                #expect(cancelled.payments == [.refunded])
                for dateTime in [from, to] { try await patient.cancel(patient.book(doctor, at: dateTime)) }
            }
        }
    }
}
