// `clinicd import-legacy` against two real databases: an old one with dirt in it, and a new one.

import ClinicClient
import ClinicMessages
import Foundation
import PostgreSQL
import TestCluster
import Testing

@Suite(.seated)
struct ImportLegacyTests {
    /// A hash of cost 4 of the password "correct horse" that another program made.
    private static let schema = """
        create table users (id int primary key, first_name text, last_name text, phone int, email text, password text,
            is_admin boolean);
        create table department (id int primary key, department_name text, operating_start_hour time,
            operating_end_hour time, created_date timestamp, last_update timestamp);
        create table doctor (id int primary key, full_name text, registration_number int, registration_expiry date,
            consultation_fee double precision, department_id int);
        create table booking (id int primary key, booking_date_time timestamp, status text, user_id int, doctor_id int);
        create table transaction (id int primary key, fee double precision, "GST" double precision,
            total_fee double precision, status text, booking_id int);
        insert into department values (1, 'Cardiology', '00:00', '23:59', '2020-01-01', '2021-01-01');
        insert into doctor select id, 'Dr ' || id, 1000 + id, '2040-01-01', 150.1, 1 from generate_series(1, 20) id;
        insert into users values (1, 'Ada', 'Min', 412345678, 'Admin@Example.org', '$hash', true),
            (2, 'Pat', 'Ient', null, 'pat@example.org', '$hash', false),
            (3, 'Pat', 'Ient', 412345678, 'PAT@example.org', '$hash', false);
        insert into users select id, 'P', 'Q', id, id || '@example.org', '$hash', false from generate_series(4, 400) id;
        -- Ten years of visits, one in twenty of them twice.
        insert into booking select id, timestamp '2017-01-02 09:00' + (id / 20) * interval '30 minutes',
            (array ['Booked', 'Confirmed', 'Cancelled', 'cancelled', 'Paid', 'refund'])[id % 6 + 1],
            4 + id % 390, 1 + id % 19
        from generate_series(1, 4000) id;
        insert into booking values (9001, now()::timestamp(0) + interval '3 days', 'Booked', 2, 20),
            (9002, now()::timestamp(0) + interval '3 days', 'Paid', 4, 20), (9003, null, 'Booked', 2, 20),
            (9004, now()::timestamp(0) + interval '4 days', 'Booked', 777, 20);
        insert into transaction select id, 150.1, 15.01, 165.11, case when id % 6 = 5 then 'refund' else 'Paid' end, id
        from generate_series(1, 4000) id where id % 6 in (1, 4, 5);
        insert into transaction values (9001, 150.1, 15.01, 165.11, 'Paid', 9002), (9002, 150.1, 15.01, 165.11, 'Paid', 9002);
        """

    private func oldDatabase() async throws -> String {
        let url = try await TestCluster.makeDatabase()
        // Of "correct horse", by another implementation of bcrypt.
        let hash = try await Self.hash()
        let schema = Self.schema.replacing("$hash", with: hash)
        try await AdminConnection.withConnection(url: url) { try $0.execute(schema) }
        return url
    }

    private static func hash() async throws -> String {
        let program = try Program(commandLine: [
            "/usr/bin/perl", "-e", "print crypt('correct horse', '$2b$04$abcdefghijklmnopqrstuu')",
        ])
        let ending = try await program.end()
        #expect(ending.status == 0)
        return ending.output
    }

    private func number(_ url: String, _ sql: String) async throws -> Int64 {
        try await AdminConnection.withConnection(url: url) { connection in
            var row = try connection.query(sql)[0]
            return try row.int64()
        }
    }

    @Test func `an old database comes in whole, its users sign in, and a second import is refused`()
        async throws
    {
        let old = try await oldDatabase()
        let clinic = try await Installation.withDatabase()
        let report = clinic.directory + "/report.csv"
        let options = ["--from", old, "--time-zone", "UTC"]

        func run(_ more: [String]) async throws -> Program.Ending {
            try await Program.run(
                "clinicd", ["import-legacy"] + clinic.place + options + more, within: .seconds(120))
        }
        let trial = try await run(["--dry-run"])
        #expect(trial.status == 0, "\(trial)")
        #expect(trial.output.contains("tried, and undone"))
        let new = try #require(clinic.database)
        #expect(try await number(new, "select count(*) from clinic.user_account") == 0)

        let ending = try await run(["--report", report])
        #expect(ending.status == 0, "\(ending)")
        let lines = try String(contentsOfFile: report, encoding: .utf8)
        for finding in [
            "users,3,changed,EMAIL_TAKEN", "booking,9001,changed,DOCTOR_DOUBLE_BOOKED",
            "booking,9003,left out,TIME_NOT_ALLOWED", "booking,9004,left out,USER_NOT_FOUND",
            "transaction,9002,changed,SECOND_PAYMENT",
        ] {
            #expect(lines.contains(finding))
        }
        let paid = try await number(old, "select sum((total_fee * 100)::bigint)::bigint from transaction")
        #expect(try await number(new, "select sum(total_fee)::bigint from clinic.transaction") == paid)
        #expect(try await number(new, "select count(*) from clinic.booking where id <= 9002") == 4_002)

        try await clinic.serving { _ in
            let client = clinic.client()
            client.token = try await clinic.logIn("admin@example.org").token
            let found = try await client.call(AdminServiceMethods.checkConsistency, CheckConsistencyRequest())
            #expect(found.checks.allSatisfy { $0.violations == 0 }, "\(found)")
            client.token = try await clinic.logIn("PAT@example.org").token
            let mine = try await client.call(BookingServiceMethods.listMyBookings, ListMyBookingsRequest())
            #expect(mine.bookings.map(\.id) == [9001])
            _ = try await clinic.signUp("new@example.org")
            await client.close()
        }
        let second = try await run([])
        #expect(second.status == 1)
        #expect(second.errors.contains("departments already"))
    }

    @Test func `amounts that differ stop the import until they are accepted`() async throws {
        let old = try await oldDatabase()
        try await AdminConnection.withConnection(url: old) { connection in
            try connection.execute(#"update transaction set "GST" = 15 where id = 9001"#)
        }
        let clinic = try await Installation.withDatabase()
        let options = ["import-legacy"] + clinic.place + ["--from", old, "--time-zone", "UTC"]
        let refused = try await Program.run("clinicd", options, within: .seconds(120))
        #expect(refused.status == 1)
        #expect(refused.errors.contains("the first is transaction 9001"))
        let accepted = try await Program.run(
            "clinicd", options + ["--accept-differences"], within: .seconds(120))
        #expect(accepted.status == 0, "\(accepted)")
        #expect(accepted.output.contains("1 difference"))
    }

    @Test func `a database that is not the old service's is told`() async throws {
        let clinic = try await Installation.withDatabase()
        let ending = try await Program.run(
            "clinicd",
            ["import-legacy"] + clinic.place + ["--from", try await TestCluster.makeDatabase()])
        #expect(ending.status == 1)
        #expect(ending.errors.contains(#"relation "users" does not exist"#))
    }
}
