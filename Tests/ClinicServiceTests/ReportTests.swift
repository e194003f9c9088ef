// Reports against a second opinion: the same figures by PostgreSQL's own calendar, straight from the tables.

import ClinicMessages
import ClinicService
import ClinicStore
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import TestCluster
import TestRandom
import Testing

@Suite struct ReportTests {
    private func units(_ money: Money?) -> Int64 { money?.minorUnits ?? .min }

    private func figures(_ row: RevenueRow?) -> [Int64] {
        guard let row else { return [] }
        return [units(row.fee), units(row.gst), units(row.refunded), units(row.refundedGst), units(row.net)]
    }

    private func figures(_ row: UtilizationRow?) -> [Int64] {
        guard let row else { return [] }
        return [row.booked, row.attended, row.cancelled, row.noShows]
    }

    /// The rows of a query: a text, then numbers.
    private func rows(
        _ clinic: TestClinic, _ sql: String, numbers: Int, _ parameters: [SQLValue] = []
    ) async throws -> [String: [Int64]] {
        try await clinic.database.read(Statement(sql), parameters).reduce(into: [:]) { result, row in
            var row = row
            let key = try row.text()
            result[key] = try (0..<numbers).map { _ in try row.int64() }
        }
    }

    private static let revenueFigures = """
        coalesce(-sum(amount) filter (where account = 'revenue' and amount < 0), 0)::bigint,
        coalesce(-sum(amount) filter (where account = 'gst_payable' and amount < 0), 0)::bigint,
        coalesce(-sum(amount) filter (where account = 'clearing' and amount < 0), 0)::bigint,
        coalesce(sum(amount) filter (where account = 'gst_payable' and amount > 0), 0)::bigint,
        coalesce(-sum(amount) filter (where account <> 'clearing'), 0)::bigint
        from clinic.ledger_entry as entry join clinic.transaction on transaction.id = transaction_id
        join clinic.booking on booking.id = booking_id join clinic.doctor on doctor.id = doctor_id
        """

    @Test func `revenue equals the ledger to the cent, by day, doctor and department`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            var generator = SeededGenerator(printing: "revenue")
            var doctors: [Doctor] = []
            var payments: [Transaction] = []
            for _ in 0..<3 {
                let doctor = try await clinic.doctor(
                    fee: .random(in: 0...50_000, using: &generator), by: administrator)
                doctors.append(doctor)
                for hour in [9, 11, 13] {
                    let patient = try await clinic.signUp()
                    payments.append(
                        try await patient.pay(
                            patient.book(doctor, at: clinic.dateTime(daysAhead: 3, hour: hour)))
                    )
                }
            }
            for (index, payment) in payments.enumerated() where payment.totalFee?.minorUnits ?? 0 > 10 {
                if index % 3 == 0 {
                    try await administrator.call(
                        PaymentServiceMethods.refundTransaction,
                        RefundTransactionRequest(transactionID: payment.id, amount: Money(minorUnits: 7)))
                }
                if index % 4 == 0 {
                    try await administrator.call(
                        PaymentServiceMethods.deleteTransaction,
                        DeleteTransactionRequest(transactionID: payment.id))
                }
            }
            // The past, at the ends of its days and over both clock changes of the year.
            var journal = 1_000_000
            for _ in 0..<400 {
                let day = Int.random(in: 0..<366, using: &generator)
                let second =
                    [0, 1, 7_199, 7_200, 10_799, 10_800, 86_399].randomElement(using: &generator) ?? 0
                let (fee, gst) = (
                    Int.random(in: 1...9_999, using: &generator), Int.random(in: 1...999, using: &generator)
                )
                let sign = Bool.random(using: &generator) ? 1 : -1
                journal += 1
                let entries = """
                    insert into clinic.ledger_entry (journal, transaction_id, kind, account, amount, created_at)
                    select \(journal), $1, '\(sign > 0 ? "PAYMENT" : "REFUND")', account, amount,
                        (timestamp '2026-01-01' + interval '\(day) days \(second) seconds') at time zone 'Australia/Sydney'
                    from (values ('clearing', \(sign * (fee + gst))), ('revenue', \(-sign * fee)),
                        ('gst_payable', \(-sign * gst))) as entry (account, amount)
                    """
                _ = try await clinic.database.write(
                    Statement(entries), [.int64(payments.randomElement(using: &generator)?.id ?? 0)])
            }

            func report(
                _ first: String, _ last: String, _ grouping: ClinicMessages.ReportGrouping, doctor: Int64 = 0
            )
                async throws -> QueryRevenueResponse
            {
                try await administrator.call(
                    AdminServiceMethods.queryRevenue,
                    QueryRevenueRequest(firstDay: first, lastDay: last, grouping: grouping, doctorID: doctor))
            }
            let days = "(entry.created_at at time zone 'Australia/Sydney')::date"
            let year = "where \(days) between '2026-01-01' and '2026-12-31'"
            let byDay = try await report("2026-01-01", "2026-12-31", .day)
            let expectedDays = try await rows(
                clinic, "select \(days)::text, \(Self.revenueFigures) \(year) group by 1", numbers: 5)
            #expect(
                Dictionary(uniqueKeysWithValues: byDay.rows.map { ($0.day, figures($0)) }) == expectedDays)
            #expect(byDay.rows.map(\.day) == expectedDays.keys.sorted())
            let total = try await rows(
                clinic, "select 'all', \(Self.revenueFigures) \(year)", numbers: 5)
            #expect(figures(byDay.total) == total["all"])
            for row in byDay.rows + [byDay.total ?? RevenueRow()] {
                #expect(units(row.fee) + units(row.gst) - units(row.refunded) == units(row.net))
            }

            let byDoctor = try await report("2026-01-01", "2026-12-31", .doctor)
            let expectedDoctors = try await rows(
                clinic, "select doctor.id::text, \(Self.revenueFigures) \(year) group by 1", numbers: 5)
            #expect(
                Dictionary(
                    uniqueKeysWithValues: byDoctor.rows.map { (String($0.doctor?.id ?? 0), figures($0)) })
                    == expectedDoctors)
            #expect(figures(byDoctor.total) == total["all"])
            let byDepartment = try await report("2026-01-01", "2026-12-31", .department)
            // Each of these departments has one doctor.
            #expect(byDepartment.rows.map { figures($0) } == byDoctor.rows.map { figures($0) })
            #expect(byDepartment.rows.map { $0.department } == doctors.map { $0.department })
            let ofOne = try await report("2026-01-01", "2026-12-31", .day, doctor: doctors[1].id)
            #expect(figures(ofOne.total) == expectedDoctors[String(doctors[1].id)])

            let nothing = try await report("2020-02-29", "2020-02-29", .doctor)
            #expect(nothing.rows.isEmpty)
            #expect(figures(nothing.total) == [0, 0, 0, 0, 0])
            #expect(
                try await clinic.count("select coalesce(sum(amount), 0)::bigint from clinic.ledger_entry")
                    == 0)
        }
    }

    @Test func `utilization counts what was offered and what became of it`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let patient = try await clinic.signUp()
            var generator = SeededGenerator(printing: "utilization")
            let doctors = [
                try await clinic.doctor(opens: "09:00", closes: "17:00", by: administrator),
                try await clinic.doctor(opens: "00:00", closes: "24:00", by: administrator),
                try await clinic.doctor(
                    opens: "09:00", closes: "17:00", expiry: "2026-04-10", by: administrator),
                try await clinic.doctor(
                    opens: "09:00", closes: "17:00", expiry: "2020-01-01", by: administrator),
            ]
            // From the day before to the day after each clock change of the year.
            for _ in 0..<600 {
                let day = [93, 94, 95, 275, 276, 277].randomElement(using: &generator) ?? 0
                let second = Int.random(in: 0..<86_400, using: &generator)
                let status =
                    ["CANCELLED", "NO_SHOW", "COMPLETED", "EXPIRED"].randomElement(using: &generator) ?? ""
                let doctor = doctors[Int.random(in: 0..<3, using: &generator)]
                let insertion = """
                    insert into clinic.booking (doctor_id, user_id, start_time, end_time, occupied, status, fee, gst)
                    select $1, $2, start, start + interval '30 minutes', tstzrange(start, start + interval '30 minutes'), '\(status)', 0, 0
                    from (values ((timestamp '2026-01-01' + interval '\(day) days \(second) seconds')
                        at time zone 'Australia/Sydney')) as moment (start)
                    """
                _ = try await clinic.database.write(
                    Statement(insertion), [.int64(doctor.id), .int64(patient.userID)])
            }

            func report(
                _ grouping: ClinicMessages.ReportGrouping, first: String = "2026-04-04",
                last: String = "2026-10-05", doctor: Int64 = 0
            )
                async throws -> QueryUtilizationResponse
            {
                try await administrator.call(
                    AdminServiceMethods.queryUtilization,
                    QueryUtilizationRequest(
                        firstDay: first, lastDay: last, grouping: grouping, doctorID: doctor))
            }
            let counts = """
                count(*) filter (where status in ('COMPLETED', 'NO_SHOW')), count(*) filter (where status = 'COMPLETED'),
                count(*) filter (where status = 'CANCELLED'), count(*) filter (where status = 'NO_SHOW')
                from clinic.booking
                """
            let byDay = try await report(.day)
            let expectedDays = try await rows(
                clinic,
                "select (start_time at time zone 'Australia/Sydney')::date::text, \(counts) group by 1",
                numbers: 4)
            #expect(
                Dictionary(
                    uniqueKeysWithValues: byDay.rows.filter { figures($0) != [0, 0, 0, 0] }.map {
                        ($0.day, figures($0))
                    }) == expectedDays)
            #expect(byDay.rows.count == 185)
            // Two doctors with 16 slots and one with 48; two more or less of his on the days the clock is changed.
            let offered = Dictionary(uniqueKeysWithValues: byDay.rows.map { ($0.day, $0.offered) })
            #expect(offered["2026-04-04"] == 80)
            #expect(offered["2026-04-05"] == 82)
            #expect(offered["2026-04-10"] == 80)
            #expect(offered["2026-04-11"] == 64)
            #expect(offered["2026-10-04"] == 62)

            let byDoctor = try await report(.doctor)
            let expectedDoctors = try await rows(
                clinic, "select doctor_id::text, \(counts) group by 1", numbers: 4)
            #expect(byDoctor.rows.map { $0.doctor?.id } == doctors.map { $0.id })
            let offeredOfEach: [Int64] = [2_960, 8_880, 112, 0]
            #expect(byDoctor.rows.map { $0.offered } == offeredOfEach)
            for row in byDoctor.rows.prefix(3) {
                #expect(figures(row) == expectedDoctors[String(row.doctor?.id ?? 0)])
                let (came, missed) = (row.attended, row.noShows)
                #expect(row.noShowBasisPoints == (missed * 20_000 + came + missed) / (2 * (came + missed)))
                #expect(row.bookedBasisPoints == (row.booked * 20_000 + row.offered) / (2 * row.offered))
            }
            let byDepartment = try await report(.department)
            #expect(byDepartment.rows.map { $0.department } == doctors.map { $0.department })
            for response in [byDay, byDoctor, byDepartment] {
                #expect(response.total?.offered == response.rows.reduce(0) { $0 + $1.offered })
                #expect(response.total?.booked == response.rows.reduce(0) { $0 + $1.booked })
                #expect(response.total == byDay.total)
            }

            // Mornings on Mondays only, but not on the first Monday, and half of the second.
            try await administrator.call(
                DoctorServiceMethods.setDoctorSchedule,
                SetDoctorScheduleRequest(
                    doctorID: doctors[0].id,
                    weeklyHours: [WorkingHours(day: .monday, startHour: "09:00", endHour: "12:00")]))
            for (from, to) in [
                ("2026-04-05 12:00", "2026-04-07 09:00"), ("2026-04-13 10:15", "2026-04-13 11:00"),
            ] {
                _ = try await clinic.database.write(
                    Statement(
                        """
                        insert into clinic.time_off (doctor_id, start_time, end_time)
                        values ($1, timestamp '\(from)' at time zone 'Australia/Sydney',
                            timestamp '\(to)' at time zone 'Australia/Sydney')
                        """), [.int64(doctors[0].id)])
            }
            let april = try await report(.day, last: "2026-04-30", doctor: doctors[0].id)
            #expect(
                april.rows.filter { $0.offered > 0 }.map { "\($0.day) \($0.offered)" }
                    == ["2026-04-13 4", "2026-04-20 6", "2026-04-27 6"])

            // Who is removed offers nothing from that day on.
            try await administrator.call(
                DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctors[0].id))
            let today = String(try clinic.dateTime(daysAhead: 0).prefix(10)).split(separator: "/").reversed()
                .joined(separator: "-")
            let afterwards = try await report(.doctor, first: today, last: today)
            #expect(afterwards.rows.first { $0.doctor?.id == doctors[0].id }?.offered ?? 0 == 0)
        }
    }
}
