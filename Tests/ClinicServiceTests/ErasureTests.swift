// What erasing a user costs others: no look at their keys, and no wait for each other.

import ClinicMessages
import ClinicService
import PostgreSQL
import RPCMessages
import TestCluster
import TestWaiting
import Testing

@Suite struct ErasureTests {
    @Test func `a patient is erased while the role of an administrator is being taken`() async throws {
        try await withLongTimeouts { clinic in
            let patient = try await clinic.signUp()
            try await withWriters(1, clinic.databaseURL) { writers in
                try await writers[0].run("begin; select pg_advisory_xact_lock(7411, 1)")
                try await patient.call(
                    UserServiceMethods.eraseUser, EraseUserRequest(userID: patient.userID))
                try await writers[0].run("commit")
            }
        }
    }

    @Test func `of two administrators who erase themselves at one time the last one stays`() async throws {
        try await withTwoServers { clinic, second in
            let administrators = [
                try await clinic.administrator(), try await second.admit([clinic.administrator()])[0],
            ]
            let ends = try await race(
                behind: "select pg_advisory_xact_lock(7411, 1)", in: [clinic, second],
                [
                    Contenders(backends: 2, each: administrators) { administrator in
                        try await administrator.call(
                            UserServiceMethods.eraseUser, EraseUserRequest(userID: administrator.userID))
                    }
                ])
            #expect(ends == [["OK": 1, "LAST_ADMINISTRATOR": 1]])
        }
    }

    @Test func `erasing a user reads the responses that name the user, and no others`() async throws {
        let url = try await TestCluster.makeDatabase()
        let others = 5_000
        try await withClinic(databaseURL: url) { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            // Given to the administrator, and about the patient.
            try await administrator.call(
                BookingServiceMethods.bookAppointment,
                BookAppointmentRequest(
                    doctorID: doctor.id, time: .bookingDateTime(clinic.dateTime()), userID: patient.userID),
                key: "booked")
            try await AdminConnection.withConnection(url: url) { connection in
                try connection.execute(
                    """
                    insert into clinic.idempotency_key (user_id, key, method, request_digest, response)
                    select 1000000 + number, 'key', 'm', ''::bytea,
                        jsonb_build_object('first_name', 'Pat', 'last_name', 'Ient', 'user_id', 2000000 + number)
                    from generate_series(1, \(others)) as number
                    """)
            }
            try await patient.call(UserServiceMethods.eraseUser, EraseUserRequest(userID: patient.userID))
            let named = "select count(*) from clinic.idempotency_key where response ->> 'first_name' = 'Pat'"
            #expect(try await clinic.count(named) == Int64(others))
        }
        // Each connection has reported what it read, since it has ended with the clinic. One row is read by `count`, which
        // reads all.
        let read = try await AdminConnection.withConnection(url: url) { connection in
            var row = try connection.query(
                "select seq_tup_read + idx_tup_fetch from pg_stat_user_tables where relname = 'idempotency_key'"
            )[0]
            return try row.int64()
        }
        #expect(read < Int64(others) * 3 / 2)
    }
}
