// The promise the service stands for: one slot, one booking, whatever races for it and whatever dies meanwhile.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import RPC
import Synchronization
import TTRPCMessages
import TestCluster
import TestWaiting
import Testing

@Suite struct DoubleBookingTests {
    /// What became of many calls that raced.
    private struct Outcome {
        var booked: [Booking] = []
        var reasons: [String: Int] = [:]
    }

    private func race(_ patients: [Session], for doctor: Doctor, at dateTime: String) async throws -> Outcome
    {
        try await withThrowingTaskGroup(of: Result<Booking, any Error>.self) { group in
            for patient in patients {
                group.addTask {
                    do {
                        return .success(try await patient.book(doctor, at: dateTime))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            var outcome = Outcome()
            for try await result in group {
                switch result {
                case .success(let booking): outcome.booked.append(booking)
                case .failure(let error):
                    guard let status = error as? Status else { throw error }
                    outcome.reasons[status.errorInfo?.reason ?? status.description, default: 0] += 1
                }
            }
            return outcome
        }
    }

    private func patients(_ count: Int, of clinic: TestClinic) async throws -> [Session] {
        try await withThrowingTaskGroup(of: Session.self) { group in
            for _ in 0..<count { group.addTask { try await clinic.signUp() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

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

    private static let overlaps = """
        select count(*) from clinic.booking as a join clinic.booking as b
        on a.id < b.id and a.period && b.period and (a.doctor_id = b.doctor_id or a.user_id = b.user_id)
        where a.status = 'BOOKED' and b.status = 'BOOKED'
        """

    @Test func `one of 64 clients that race for a slot gets it and the others hear that it is taken`()
        async throws
    {
        try await withClinic { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patients = try await patients(64, of: clinic)
            for round in 0..<10 {
                let outcome = try await race(
                    patients, for: doctor, at: clinic.dateTime(hour: 8 + round / 2, minute: 30 * (round % 2)))
                #expect(outcome.booked.count == 1)
                #expect(outcome.reasons == ["SLOT_TAKEN": 63])
            }
            #expect(try await clinic.count(Self.overlaps) == 0)
        }
    }

    @Test func `a patient who races for two doctors at one time gets one of them`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let patient = try await clinic.signUp()
            let dateTime = try clinic.dateTime()
            let doctors = [
                try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator),
            ]
            let results = try await withThrowingTaskGroup(of: Status?.self) { group in
                for doctor in doctors {
                    group.addTask { try await status { _ = try await patient.book(doctor, at: dateTime) } }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.filter { $0 == nil }.count == 1)
            #expect(results.compactMap { $0?.errorInfo?.reason } == ["PATIENT_BUSY"])
        }
    }

    @Test func `without the constraints the same race books the slot twice`() async throws {
        try await withClinic { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patients = try await patients(16, of: clinic)
            try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                try connection.execute(
                    """
                    alter table clinic.booking drop constraint booking_doctor_busy;
                    alter table clinic.booking drop constraint booking_patient_busy;
                    """)
            }
            #expect(try await race(patients, for: doctor, at: clinic.dateTime()).booked.count > 1)
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
                let patients = try await patients(32, of: clinic)
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
                #expect(try await clinic.count(Self.overlaps) == 0)
                let unexplained = """
                    select count(*) from clinic.booking where not exists
                    (select from clinic.event where entity = 'booking' and entity_id = booking.id)
                    """
                #expect(try await clinic.count(unexplained) == 0)
            }
        }
    }
}
