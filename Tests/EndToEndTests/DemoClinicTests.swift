// The clinic that `seed-demo` makes up: as sound as one that was lived in, and never a half of it.

import ClinicClient
import ClinicMessages
import Foundation
import PostgreSQL
import RPC
import TestCluster
import TestWaiting
import Testing

@Suite(.seated)
struct DemoClinicTests {
    /// One number that a query answers.
    private func number(_ url: String, _ sql: String) async throws -> Int64 {
        try await AdminConnection.withConnection(url: url) { connection in
            var row = try connection.query(sql)[0]
            return try row.int64()
        }
    }

    /// What must not be found in a sound clinic: what would be wrong, and how many such things there are.
    private static let flaws = [
        (
            "two visits of a doctor or of a patient overlap",
            """
            select count(*) from (
                select start_time < lag(end_time) over (partition by doctor_id order by start_time)
                    or start_time < lag(end_time) over (partition by user_id order by start_time) as clashes
                from clinic.booking where status <> 'CANCELLED') as visit
            where clashes
            """
        ),
        (
            "a journal does not sum to zero",
            """
            select count(*) from (
                select sum(amount) from clinic.ledger_entry group by journal having sum(amount) <> 0) as wrong
            """
        ),
        (
            "a transaction is not what its entries say",
            """
            select count(*) from clinic.transaction where not exists (
                select from clinic.ledger_entry where transaction_id = transaction.id
                having sum(amount) filter (where account = 'clearing') = total_fee - refunded_amount
                    and coalesce(sum(amount) filter (where account = 'gst_payable'), 0) = refunded_gst - gst)
            """
        ),
        (
            "something paid is not confirmed, or the other way round",
            """
            select count(*) from clinic.booking
            left join clinic.transaction on transaction.booking_id = booking.id
                and transaction.status in ('PAID', 'PARTIALLY_REFUNDED')
            where booking.status in ('BOOKED', 'CONFIRMED')
                and (booking.status = 'CONFIRMED') <> (transaction.id is not null)
            """
        ),
        (
            "something cancelled in good time was not refunded",
            """
            select count(*) from clinic.event
            join clinic.booking on booking.id = entity_id
            join clinic.transaction on transaction.booking_id = booking.id
            where entity = 'booking' and change ->> 'status' = 'CANCELLED' and transaction.status <> 'REFUNDED'
                and start_time >= occurred_at + interval '24 hours'
            """
        ),
        (
            "something happened later than now",
            """
            select (select count(*) from clinic.event where occurred_at > now())
                + (select count(*) from clinic.ledger_entry where created_at > now())
                + (select count(*) from clinic.booking where created_at > now()
                    or status in ('COMPLETED', 'NO_SHOW') and end_time > now())
            """
        ),
        (
            "a booking lies outside the window of its making",
            """
            select count(*) from clinic.booking
            where start_time not between created_at and created_at + interval '720 hours'
            """
        ),
        (
            "a booking was made by somebody who had not signed up",
            """
            select count(*) from clinic.booking join clinic.user_account on user_account.id = user_id
            where booking.created_at < user_account.created_at
            """
        ),
        (
            "a visit falls into time off",
            """
            select count(*) from clinic.booking join clinic.time_off on time_off.doctor_id = booking.doctor_id
                and booking.period && tstzrange(time_off.start_time, time_off.end_time)
            """
        ),
        (
            "the audit trail goes back in time",
            """
            select count(*) from (
                select occurred_at < lag(occurred_at) over (order by sequence) as goes_back from clinic.event) as event
            where goes_back
            """
        ),
        (
            "a booking has another version than it has events",
            """
            with told as (
                select coalesce(booking_id, entity_id) as id, count(*) as number from clinic.event
                left join clinic.transaction on transaction.id = entity_id and entity = 'transaction'
                where entity in ('booking', 'transaction') group by 1)
            select count(*) from clinic.booking left join told using (id) where version is distinct from number
            """
        ),
    ]

    @Test func `the demo clinic is a sound one, once`() async throws {
        let clinic = try await Installation.withDatabase()
        let url = try #require(clinic.database)
        let seeding = try await clinic.run("seed-demo", ["--weeks", "3"])
        #expect(seeding.status == 0 && seeding.errors.isEmpty, "\(seeding)")
        #expect(
            seeding.output.firstMatch(
                of: /^clinicd: made 8 departments, 40 doctors, \d{3} patients and \d{4} bookings\n$/) != nil,
            "\(seeding)")
        for (flaw, query) in Self.flaws { #expect(try await number(url, query) == 0, "\(flaw)") }

        try await clinic.serving { _ in
            expectComplaint(try await clinic.run("seed-demo"), "seed-demo fills an empty one only")
            #expect(try await clinic.createAdministrator("ann@example.org").status == 0)
            let client = clinic.client()
            client.token = try await clinic.logIn("ann@example.org").token
            try await compareRevenue(client, url)
            try await compareUtilization(client, url)

            client.token = try await clinic.logIn("alice.nguyen@example.org", password: "demo-password").token
            let slots = try await client.call(
                BookingServiceMethods.searchSlots, SearchSlotsRequest(subject: .departmentID(1)))
            let mine = try await client.call(
                BookingServiceMethods.listMyBookings, ListMyBookingsRequest(pageSize: 1000))
            // She may have an appointment elsewhere at the first free time of the department.
            let taken = mine.bookings.compactMap { booking in
                booking.startTime.flatMap { start in booking.endTime.map { start.seconds..<$0.seconds } }
            }
            let choices = slots.doctors.flatMap { doctor in doctor.slots.map { (doctor.doctor?.id ?? 0, $0) }
            }
            let (doctorID, free) = try #require(
                choices.first { _, slot in
                    guard let start = slot.startTime?.seconds, let end = slot.endTime?.seconds else {
                        return false
                    }
                    return !taken.contains { $0.overlaps(start..<end) }
                })
            let booking = try await client.call(
                BookingServiceMethods.bookAppointment,
                BookAppointmentRequest(doctorID: doctorID, time: .bookingDateTime(free.bookingDateTime)))
            let paid = try await client.call(
                PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: booking.id))
            #expect(paid.status == .paid)
        }
    }

    /// The clinic's day of so many days from now.
    private func day(_ offset: Int) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(identifier: "Australia/Sydney") ?? .gmt
        let day = calendar.date(byAdding: .day, value: offset, to: Date()) ?? Date()
        let parts = calendar.dateComponents([.year, .month, .day], from: day)
        return String(format: "%04d-%02d-%02d", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
    }

    /// From when to when the reports are asked: all that there is.
    private var all: (first: String, last: String) { (day(-60), day(60)) }

    private func compareRevenue(_ client: ClinicClient, _ url: String) async throws {
        let net = try await number(
            url, "select sum(amount)::bigint from clinic.ledger_entry where account = 'clearing'")
        let refunded = try await number(
            url, "select sum(refunded_amount)::bigint from clinic.transaction")
        for (grouping, rows) in [(ReportGrouping.day, 21), (.doctor, 40), (.department, 8)] {
            let report = try await client.call(
                AdminServiceMethods.queryRevenue,
                QueryRevenueRequest(firstDay: all.first, lastDay: all.last, grouping: grouping))
            #expect(report.total?.net?.minorUnits == net)
            #expect(report.total?.refunded?.minorUnits == refunded)
            #expect(report.rows.reduce(0) { $0 + ($1.net?.minorUnits ?? 0) } == net)
            #expect(report.rows.count >= rows)
        }
        #expect(net > 0 && refunded > 0)
        for status in ["PAID", "PARTIALLY_REFUNDED", "REFUNDED"] {
            let count = try await number(
                url, "select count(*) from clinic.transaction where status = '\(status)'")
            #expect(count > 0, "\(status)")
        }
    }

    private func compareUtilization(_ client: ClinicClient, _ url: String) async throws {
        func count(_ statuses: String) async throws -> Int64 {
            try await number(url, "select count(*) from clinic.booking where status in (\(statuses))")
        }
        let report = try await client.call(
            AdminServiceMethods.queryUtilization,
            QueryUtilizationRequest(firstDay: all.first, lastDay: all.last, grouping: .doctor))
        #expect(report.rows.count == 40)
        let total = try #require(report.total)
        #expect(total.noShows == (try await count("'NO_SHOW'")))
        #expect(total.cancelled == (try await count("'CANCELLED'")))
        #expect(total.attended == (try await count("'ARRIVED', 'COMPLETED'")))
        #expect(total.noShowBasisPoints > 0 && total.cancelled > 0 && total.attended > 500)
        #expect(total.booked < total.offered)
        let ahead = try await client.call(
            AdminServiceMethods.queryUtilization,
            QueryUtilizationRequest(firstDay: day(1), lastDay: day(29), grouping: .day))
        #expect(ahead.total?.booked ?? 0 > 100)
        #expect(ahead.total?.attended == 0)
    }

    @Test func `two seedings of a day make the same clinic`() async throws {
        let clinics = try await (Installation.withDatabase(), Installation.withDatabase())
        let outputs = try await [
            clinics.0.run("seed-demo", ["--weeks", "1"]).output,
            clinics.1.run("seed-demo", ["--weeks", "1"]).output,
        ]
        #expect(outputs[0] == outputs[1])
        let settled = """
            select sum(('x' || left(md5(concat(doctor_id, ' ', user_id, ' ', start_time, ' ', created_at, ' ', fee)), 8))
                ::bit(32)::bigint)::bigint
            from clinic.booking where created_at < now() - interval '1 day'
            """
        let sum = try await number(clinics.0.database ?? "", settled)
        #expect(sum > 0)
        #expect(try await number(clinics.1.database ?? "", settled) == sum)
    }

    @Test(arguments: [SIGTERM, SIGKILL])
    func `a seeding that is interrupted leaves nothing, and the next one is complete`(signal: Int32)
        async throws
    {
        let clinic = try await Installation.withDatabase()
        let url = try #require(clinic.database)
        #expect(try await clinic.run("migrate").status == 0)
        let seeding = try Program(
            "clinicd", ["seed-demo", "--weeks", "16"] + clinic.place + ["--bcrypt-cost", "4"])
        let writing = """
            select count(*) from pg_locks where relation = 'clinic.booking'::regclass and mode = 'RowExclusiveLock'
            """
        try await eventually("the writing of bookings") { try await number(url, writing) > 0 }
        #expect(try await seeding.stop(signal).status == 128 + signal)
        try await eventually("the end of its transaction") { try await number(url, writing) == 0 }
        for table in [
            "department", "doctor", "user_account", "booking", "transaction", "ledger_entry", "event",
        ] {
            #expect(try await number(url, "select count(*) from clinic.\(table)") == 0, "\(table)")
        }
        let next = try await clinic.run("seed-demo", ["--weeks", "0"])
        #expect(next.status == 0, "\(next)")
        #expect(try await number(url, "select count(*) from clinic.department") == 8)
    }

    @Test func `of two seedings at once one does it and the other is told`() async throws {
        let clinic = try await Installation.withDatabase()
        #expect(try await clinic.run("migrate").status == 0)
        async let first = clinic.run("seed-demo", ["--weeks", "0"])
        async let second = clinic.run("seed-demo", ["--weeks", "0"])
        let endings = try await [first, second].sorted { $0.status < $1.status }
        #expect(endings[0].status == 0, "\(endings)")
        expectComplaint(endings[1], "seed-demo fills an empty one only")
    }

    @Test func `a user with the e-mail of a demo patient is left alone`() async throws {
        let clinic = try await Installation.withDatabase()
        #expect(try await clinic.createAdministrator("alice.nguyen@example.org").status == 0)
        expectComplaint(
            try await clinic.run("seed-demo", ["--weeks", "0"]), "alice.nguyen@example.org",
            "is a user already")
        expectComplaint(try await clinic.run("seed-demo", ["--weeks", "105"]), "--weeks is 0 to 104")
    }
}
