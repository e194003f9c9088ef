// What callers hear when the service itself cannot: its queue is full, its database is gone, slow, at odds with others
// or not what it should be. Each has a clinic of its own, because everybody in it would suffer.

import Bcrypt
import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import TestCluster
import TestWaiting
import Testing

@Suite struct DisabledServiceTests {
    @Test func `more sign-ins than may wait are refused with OVERLOADED`() async throws {
        try await withClinic(passwords: BcryptPool(cost: 9, threadCount: 1, queueLimit: 1)) { clinic in
            let session = try await clinic.connect()
            var attempts: [@Sendable () async throws -> Void] = []
            for number in 0..<8 {
                attempts.append {
                    try await session.call(
                        UserServiceMethods.login,
                        LoginRequest(email: "nobody\(number)@example.org", password: "x"))
                }
            }
            let ends = try await race(attempts)
            // One is worked on and one waits.
            #expect((ends["OVERLOADED"] ?? 0) >= 4 && (ends["WRONG_CREDENTIALS"] ?? 0) >= 2, "\(ends)")
            #expect(ends.values.reduce(0, +) == 8 && ends.count == 2, "\(ends)")
            // The queue empties, and nobody else was hurt.
            try await session.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
            let late = try await status { try await attempts[0]() }
            #expect(late?.errorInfo?.reason == "WRONG_CREDENTIALS")
        }
    }

    @Test func `changes that would wait long are refused with OVERLOADED, and reads are not`() async throws {
        try await withClinic(
            statementTimeout: .seconds(60), lockTimeout: .seconds(60), writeConnections: 1
        ) { clinic in
            let administrator = try await clinic.administrator()
            let doctors = [
                try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator),
                try await clinic.doctor(by: administrator),
            ]
            try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                try connection.execute(
                    """
                    create function clinic.dawdle() returns trigger language plpgsql as $$
                    begin
                        perform pg_advisory_xact_lock(1);
                        return new;
                    end $$;
                    create trigger dawdle before update on clinic.doctor
                        for each row execute function clinic.dawdle()
                    """)
            }
            let holder = Database(
                configuration: DatabaseConfiguration(url: clinic.databaseURL), logger: TestCluster.logger)
            try await holder.start()
            _ = try await holder.write(Statement("select pg_advisory_lock(1)"))
            try await clinic.finishAccessLog()
            // One change is with PostgreSQL and one waits behind it. Begun together, both would be sent as one batch.
            let first = Task { try await administrator.delete(doctors[0]) }
            try await eventually("a change in flight") { clinic.database.statistics.writes.inFlight == 1 }
            let second = Task { try await administrator.delete(doctors[1]) }
            try await eventually("no room") { !clinic.admitsChanges }
            let refusal = try await status { try await administrator.delete(doctors[2]) }
            #expect(refusal?.code == .resourceExhausted)
            #expect(refusal?.errorInfo?.reason == "OVERLOADED")
            try await administrator.call(
                DoctorServiceMethods.getDoctor, GetDoctorRequest(doctorID: doctors[2].id))
            _ = try await holder.write(Statement("select pg_advisory_unlock(1)"))
            for change in [first, second] { try await change.value }
            try await administrator.delete(doctors[2])
            await holder.close()
        }
    }

    @Test func `without PostgreSQL reads and changes are refused with DATABASE_UNAVAILABLE`() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            try await withClinic(databaseURL: cluster.url) { clinic in
                let doctor = try await clinic.doctor(by: clinic.administrator())
                let patient = try await clinic.signUp()
                await cluster.stop()
                let start = ContinuousClock.now
                let read = try await status {
                    try await patient.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
                }
                let change = try await status {
                    _ = try await patient.book(doctor, at: clinic.dateTime(), key: "again")
                }
                for refusal in [read, change] {
                    #expect(refusal?.code == .unavailable)
                    #expect(refusal?.errorInfo?.reason == "DATABASE_UNAVAILABLE")
                }
                #expect(ContinuousClock.now - start < .seconds(5))
            }
        }
    }

    @Test func `a statement that PostgreSQL gives up is DEADLINE_EXCEEDED`() async throws {
        try await withClinic(statementTimeout: .seconds(1)) { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                try connection.execute(
                    """
                    create function clinic.dawdle() returns trigger language plpgsql as $$
                    begin
                        perform pg_sleep(60);
                        return new;
                    end $$;
                    create trigger dawdle before update on clinic.doctor
                        for each row execute function clinic.dawdle()
                    """)
            }
            let refusal = try await status {
                try await administrator.call(
                    DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
            }
            #expect(refusal?.code == .deadlineExceeded)
            #expect(refusal?.errorInfo?.reason == "DEADLINE_EXCEEDED")
            try await administrator.call(
                DoctorServiceMethods.getDoctor, GetDoctorRequest(doctorID: doctor.id))
        }
    }

    @Test func `a change that others always win is STALE_VERSION after it was tried again`() async throws {
        try await withClinic { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let booking = try await clinic.signUp().book(doctor, at: clinic.dateTime())
            // As a deadlock or a lost race would, every time; the sequence counts what a rollback would take back.
            try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                try connection.execute(
                    """
                    create sequence clinic.attempts;
                    grant all on sequence clinic.attempts to public;
                    create function clinic.lose() returns trigger language plpgsql as $$
                    begin
                        perform nextval('clinic.attempts');
                        raise exception 'lost' using errcode = '40001';
                    end $$;
                    create trigger lose before update on clinic.booking for each row execute function clinic.lose()
                    """)
            }
            let refusal = try await status { try await clinic.administrator().cancel(booking) }
            #expect(refusal?.code == .aborted)
            #expect(refusal?.errorInfo?.reason == "STALE_VERSION")
            #expect(refusal?.message.contains("lost") == false)
            #expect(try await clinic.count("select last_value from clinic.attempts") > 1)
        }
    }

    @Test func `a defect is INTERNAL with a request id and nothing of its text`() async throws {
        try await withClinic { clinic in
            try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                try connection.execute("drop table clinic.time_off cascade")
            }
            let administrator = try await clinic.administrator()
            let refusals = [
                try await status {
                    try await administrator.call(DoctorServiceMethods.listTimeOff, ListTimeOffRequest())
                },
                try await status {
                    try await administrator.call(
                        DoctorServiceMethods.deleteTimeOff, DeleteTimeOffRequest(timeOffID: 1))
                },
            ]
            var numbers: Set<String> = []
            for refusal in refusals {
                #expect(refusal?.code == .internal)
                #expect(refusal?.errorInfo?.reason == "INTERNAL")
                let facts = refusal?.errorInfo?.metadata ?? []
                #expect(facts.map(\.key) == ["request_id"])
                let number = try #require(facts.first?.value)
                #expect(refusal?.message == "an internal error; quote request \(number)")
                numbers.insert(number)
            }
            #expect(numbers.count == 2)
            try await administrator.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
        }
    }
}

extension Session {
    fileprivate func delete(_ doctor: Doctor) async throws {
        try await call(DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
    }
}
