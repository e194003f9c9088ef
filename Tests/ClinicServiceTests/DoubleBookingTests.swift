// The promise the service stands for: one slot, one booking, whatever races for it and whatever dies meanwhile.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import RPC
import RPCMessages
import Synchronization
import TestCluster
import TestWaiting
import Testing

@Suite struct DoubleBookingTests {
    /// What the clients of a crash have seen.
    private final class Observations: Sendable {
        let acknowledged = Mutex<[Int64]>([])
        let outage = Mutex(false)
        /// Ends when so many bookings are acknowledged that the load is under way.
        let isUnderWay: AsyncStream<Void>
        private let underWay: AsyncStream<Void>.Continuation

        init() { (isUnderWay, underWay) = AsyncStream.makeStream() }

        func acknowledge(_ booking: Booking) {
            let count = acknowledged.withLock { ids in
                ids.append(booking.id)
                return ids.count
            }
            if count == 50 { underWay.finish() }
        }
    }

    @Test func `one of 64 clients that race for a slot gets it and the others hear that it is taken`()
        async throws
    {
        try await withTwoServers { clinic, second in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patients = try await clinic.patients(32) + second.admit(clinic.patients(32))
            for round in 0..<6 {
                let dateTime = try clinic.dateTime(hour: 8 + round / 2, minute: 30 * (round % 2))
                let ends = try await race(
                    behind: "select from clinic.doctor where id = \(doctor.id) for update",
                    in: [clinic, second],
                    [
                        Contenders(backends: 2, each: patients) { patient in
                            _ = try await patient.book(doctor, at: dateTime)
                        }
                    ])
                #expect(ends == [["OK": 1, "SLOT_TAKEN": 63]])
                let booked = "select count(*) from clinic.booking where status = 'BOOKED'"
                #expect(try await clinic.count(booked) == Int64(round + 1))
            }
            #expect(try await clinic.count(TestClinic.overlaps) == 0)
        }
    }

    @Test func `a patient who races for two doctors at one time gets one of them`() async throws {
        try await withTwoServers { clinic, second in
            let administrator = try await clinic.administrator()
            let patient = try await clinic.signUp()
            let elsewhere = try await second.admit([patient])[0]
            let (one, other) = (
                try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator)
            )
            for hour in 8..<12 {
                let dateTime = try clinic.dateTime(hour: hour)
                let ends = try await race(
                    behind: "select from clinic.user_account where id = \(patient.userID) for update",
                    in: [clinic, second],
                    [
                        Contenders(
                            backends: 2,
                            [
                                { _ = try await patient.book(one, at: dateTime) },
                                { _ = try await elsewhere.book(other, at: dateTime) },
                            ])
                    ])
                #expect(ends == [["OK": 1, "PATIENT_BUSY": 1]])
            }
            #expect(try await clinic.count(TestClinic.overlaps) == 0)
        }
    }

    @Test func `without the constraints the same race books the slot twice`() async throws {
        try await withTwoServers { clinic, second in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patients = try await clinic.patients(8) + second.admit(clinic.patients(8))
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
                    Contenders(backends: 2, each: patients) { patient in
                        _ = try await patient.book(doctor, at: clinic.dateTime())
                    }
                ])
            #expect((ends[0]["OK"] ?? 0) > 1)
        }
    }

    @Test
    func `what was acknowledged survives PostgreSQL killed under the load, and nothing is booked twice`()
        async throws
    {
        try await TestCluster.withPrivateCluster { cluster in
            try await withClinic(databaseURL: cluster.url) { clinic in
                let administrator = try await clinic.administrator()
                // Work for longer than PostgreSQL's processes need to notice that their parent is gone.
                let doctors = [
                    try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator),
                    try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator),
                ]
                let patients = try await clinic.patients(32)
                let observed = Observations()

                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (index, patient) in patients.enumerated() {
                        group.addTask {
                            // Two patients share each slot, so that there is a rival for every one.
                            for turn in 0..<160 {
                                let (doctor, slot) = (doctors[turn / 40], turn % 40)
                                let dateTime = try clinic.dateTime(
                                    daysAhead: Int64(2 + (index / 2 + turn / 40 * 7) % 27), hour: slot / 2,
                                    minute: 30 * (slot % 2))
                                let failure = try await status {
                                    let booking = try await patient.book(doctor, at: dateTime)
                                    observed.acknowledge(booking)
                                }
                                if failure?.code == .unavailable { observed.outage.withLock { $0 = true } }
                            }
                        }
                    }
                    group.addTask {
                        for await _ in observed.isUnderWay {}
                        guard let postmaster = cluster.serverProcess else { return }
                        kill(postmaster, SIGKILL)
                    }
                    try await group.waitForAll()
                }

                // Short of a refusal: connections that were lost and are back, with whoever waited meanwhile.
                let wasDown =
                    observed.outage.withLock { $0 } || clinic.database.statistics.writes.reconnects > 0
                #expect(wasDown, "the kill came too late to be noticed")
                let ids = observed.acknowledged.withLock { $0 }
                var found: Int64?
                try await eventually("an answer") {
                    found = try? await clinic.count(
                        "select count(*) from clinic.booking where id = any ($1)", [.int64Array(ids)])
                    return found != nil
                }
                #expect(found == Int64(ids.count))
                #expect(try await clinic.count(TestClinic.overlaps) == 0)
                let unexplained = """
                    select count(*) from clinic.booking where not exists
                    (select from clinic.event where entity = 'booking' and entity_id = booking.id)
                    """
                #expect(try await clinic.count(unexplained) == 0)
            }
        }
    }
}
