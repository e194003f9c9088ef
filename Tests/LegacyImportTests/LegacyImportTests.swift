// The old database with each kind of dirt, translated without a database. What it looks like in one is in EndToEndTests.

import ClinicService
import ClinicStore
import Scheduling
import Testing

@testable import LegacyImport

@Suite struct LegacyImportTests {
    /// 2026-11-25T03:30:00Z.
    private static let now = Instant(microsecondsSinceEpoch: 1_795_577_400_000_000)
    private static let hash = "$2b$04$" + String(repeating: "a", count: 53)

    /// A clinic with two patients and two doctors and nothing wrong in it.
    private var rows: LegacyRows {
        var rows = LegacyRows()
        rows.users = (1...2).map { id in
            LegacyRows.User(
                id: id, firstName: "Ann", lastName: "Lee", phone: "412345678", email: "ann\(id)@example.org",
                passwordHash: Self.hash, isAdministrator: id == 1)
        }
        rows.departments = [
            LegacyRows.Department(
                id: 5, name: "Cardiology", opens: "08:00:00", closes: "17:00:00", createdDate: "2020-01-01",
                lastUpdate: "2021-01-01")
        ]
        rows.doctors = (7...8).map { id in
            LegacyRows.Doctor(
                id: id, fullName: "Dr Hart", registrationNumber: "10\(id)", registrationExpiry: "2030-01-01",
                fee: "100", departmentID: 5)
        }
        return rows
    }

    private func translate(_ rows: LegacyRows) throws -> (history: ClinicHistory, report: ImportReport) {
        let grid = try #require(SlotGrid(slotMinutes: 30))
        return try LegacyImport(settings: ClinicSettings(zone: .utc), now: Self.now, grid: grid).translate(
            rows)
    }

    private func booking(
        _ id: Int64, at time: String = "01/12/2026 10:00:00", _ status: String = "Booked", user: Int64 = 1,
        doctor: Int64 = 7
    ) -> LegacyRows.Booking {
        LegacyRows.Booking(id: id, dateTime: time, status: status, userID: user, doctorID: doctor)
    }

    private func transaction(
        _ id: Int64, of booking: Int64, _ status: String = "Paid", fee: String = "100", gst: String = "10",
        total: String = "110"
    ) -> LegacyRows.Transaction {
        LegacyRows.Transaction(id: id, fee: fee, gst: gst, total: total, status: status, bookingID: booking)
    }

    private func statuses(_ history: ClinicHistory) -> [Int64?: BookingStatus] {
        Dictionary(history.bookings.map { ($0.id, $0.status) }) { first, _ in first }
    }

    @Test func `a clean clinic comes without a finding`() throws {
        var rows = rows
        rows.bookings = [
            booking(1, at: "03/02/2025 10:00:00"), booking(2, user: 2),
            booking(3, at: "02/12/2026 10:00:00", "Paid"),
            booking(4, at: "04/02/2025 10:00:00", "cancelled"),
        ]
        rows.transactions = [transaction(11, of: 3)]
        let (history, report) = try translate(rows)
        #expect(report.lines == [])
        #expect(report.addsUp && report.after.paid == 11_000)
        #expect(statuses(history) == [1: .completed, 2: .booked, 3: .confirmed, 4: .cancelled])
        #expect(history.bookings[2].transactionID == 11)
        #expect(history.bookings[1].price.total == 11_000)
    }

    @Test func `of two bookings of a doctor's time the paid one stays, or else the earlier`() throws {
        var rows = rows
        rows.bookings = [
            booking(1), booking(2, "Paid", user: 2),
            booking(3, at: "02/12/2026 10:00:00"), booking(4, at: "02/12/2026 10:15:00", user: 2),
            booking(5, at: "03/02/2025 10:00:00"), booking(6, at: "03/02/2025 10:00:00", user: 2),
        ]
        rows.transactions = [transaction(11, of: 2)]
        let (history, report) = try translate(rows)
        #expect(
            statuses(history) == [
                1: .cancelled, 2: .confirmed, 3: .booked, 4: .cancelled, 5: .completed, 6: .cancelled,
            ])
        let refused = report.lines.filter { $0.reason == "DOCTOR_DOUBLE_BOOKED" }.map(\.id)
        #expect(Set(refused) == [1, 4, 6])
    }

    @Test func `a patient is in one place`() throws {
        var rows = rows
        rows.bookings = [booking(1), booking(2, doctor: 8)]
        let (history, report) = try translate(rows)
        #expect(statuses(history) == [1: .booked, 2: .cancelled])
        #expect(report.lines.map(\.reason) == ["PATIENT_BUSY"])
    }

    @Test func `a second payment is kept with a cancelled copy of its booking`() throws {
        var rows = rows
        rows.bookings = [booking(1, "Paid")]
        rows.transactions = [transaction(11, of: 1), transaction(12, of: 1)]
        let (history, report) = try translate(rows)
        #expect(history.bookings.map(\.transactionID) == [11, 12])
        #expect(history.bookings.map(\.id) == [1, nil])
        #expect(history.bookings.map(\.status) == [.confirmed, .cancelled])
        #expect(report.lines.map(\.reason) == ["SECOND_PAYMENT"])
        #expect(report.addsUp && report.after.paid == 22_000)
    }

    @Test func `a refund belongs to its payment, and one without a payment was one`() throws {
        var rows = rows
        rows.bookings = [
            booking(1, "refund"), booking(2, at: "02/12/2026 10:00:00", "refund"),
            booking(3, at: "03/12/2026 10:00:00"),
        ]
        rows.transactions = [
            transaction(11, of: 1), transaction(12, of: 1, "refund"), transaction(13, of: 2, "refund"),
            transaction(14, of: 3), transaction(15, of: 3, "refund", fee: "50", gst: "5", total: "55"),
        ]
        let (history, report) = try translate(rows)
        #expect(statuses(history) == [1: .cancelled, 2: .cancelled, 3: .confirmed])
        #expect(history.bookings.map(\.transactionID) == [11, 13, 14])
        #expect(report.before == ImportReport.Sums(paid: 33_000, refunded: 27_500))
        #expect(report.after == report.before && report.addsUp)
        #expect(
            report.lines.map(\.reason) == [
                "REFUND_OF_PAYMENT", "REFUND_WITHOUT_PAYMENT", "REFUND_OF_PAYMENT",
            ])
    }

    @Test(
        arguments: [
            ("100", "9.99", "110", 10_001), ("100", "10", "109.99", 9_999), ("", "", "110", 11_000),
            ("100.005", "10", "110.005", 10_001),
        ] as [(String, String, String, Int64)])
    func `where amounts differ the total counts`(
        fee: String, gst: String, total: String, feeNow: Int64
    ) throws {
        var rows = rows
        rows.bookings = [booking(1, "Paid")]
        rows.transactions = [transaction(11, of: 1, fee: fee, gst: gst, total: total)]
        let (history, report) = try translate(rows)
        #expect(report.count(.difference) == 1)
        #expect(history.bookings[0].price.fee == feeNow)
        #expect(report.addsUp)
    }

    @Test func `what refers to nothing is left out and its money is named`() throws {
        var rows = rows
        rows.bookings = [booking(1, user: 9), booking(2, doctor: 9), booking(3, at: "never")]
        rows.transactions = [
            transaction(11, of: 1), transaction(12, of: 44), transaction(13, of: 2, "waiting"),
        ]
        let (history, report) = try translate(rows)
        #expect(history.bookings.isEmpty)
        #expect(
            Set(report.lines.map(\.reason)) == [
                "USER_NOT_FOUND", "DOCTOR_NOT_FOUND", "TIME_NOT_ALLOWED", "BOOKING_NOT_FOUND", "NOT_PAID",
            ])
        #expect(report.leftOut.paid == 22_000 && report.addsUp)
    }

    @Test func `e-mails that differ in case stay two users, and only the first signs in with it`() throws {
        var rows = rows
        rows.users[1].email = "ANN1@example.org"
        rows.users.append(
            LegacyRows.User(
                id: 3, firstName: nil, lastName: " ", phone: "12", email: nil, passwordHash: "md5:1",
                isAdministrator: false))
        let (history, report) = try translate(rows)
        #expect(history.patients.count == 3)
        let reasons = report.lines.map { "\($0.id) \($0.reason)" }
        #expect(
            reasons == [
                "2 EMAIL_TAKEN", "3 NAME_MISSING", "3 NAME_NOT_ALLOWED", "3 PHONE_NOT_ALLOWED",
                "3 EMAIL_NOT_ALLOWED", "3 PASSWORD_NOT_USABLE",
            ])
    }

    @Test func `local times that the clock skips or shows twice are told`() throws {
        // The clock goes forward at 02:00 on 1 April 2027 and back at 03:00 on 1 May.
        let zone = try #require(
            TimeZoneRules(
                identifier: "Test/Zone", initialOffset: 0,
                transitions: [
                    TimeZoneTransition(secondsSinceEpoch: 1_806_544_800, offset: 3_600),
                    TimeZoneTransition(secondsSinceEpoch: 1_809_136_800, offset: 0),
                ]))
        var rows = rows
        rows.bookings = [booking(1, at: "01/04/2027 02:30:00"), booking(2, at: "01/05/2027 02:30:00")]
        let grid = try #require(SlotGrid(slotMinutes: 30))
        let (history, report) = try LegacyImport(
            settings: ClinicSettings(zone: zone), now: Self.now, grid: grid
        ).translate(rows)
        #expect(history.bookings[0].slot.start == Instant(secondsSinceEpoch: 1_806_544_800))
        #expect(history.bookings[1].slot.start == Instant(secondsSinceEpoch: 1_809_135_000))
        let reasons = report.lines.filter { $0.reason.hasPrefix("LOCAL_TIME") }.map(\.reason)
        #expect(reasons == ["LOCAL_TIME_SKIPPED", "LOCAL_TIME_TWICE"])
    }

    @Test func `statuses that nobody knows are told, and so is a payment that is not there`() throws {
        var rows = rows
        rows.bookings = [
            booking(1, "perhaps"), booking(2, at: "02/12/2026 10:00:00", "Confirmed"),
            booking(3, at: "03/12/2026 10:00:00", "Cancelled"), booking(4, at: "04/12/2026 10:07:00"),
            booking(5, at: "05/12/2026 20:00:00"),
        ]
        rows.transactions = [transaction(11, of: 3)]
        let (history, report) = try translate(rows)
        #expect(statuses(history) == [1: .booked, 2: .booked, 3: .cancelled, 4: .booked, 5: .booked])
        #expect(
            report.lines.map { "\($0.id) \($0.reason)" } == [
                "1 STATUS_NOT_KNOWN", "2 PAYMENT_MISSING", "3 PAYMENT_OF_CANCELLED", "4 OFF_GRID",
                "5 OUT_OF_HOURS",
            ])
    }

    @Test func `departments and doctors that cannot stay as they are are told`() throws {
        var rows = rows
        rows.departments += [
            LegacyRows.Department(
                id: 6, name: "CARDIOLOGY", opens: "17", closes: "8", createdDate: nil, lastUpdate: nil)
        ]
        rows.doctors += [
            LegacyRows.Doctor(
                id: 9, fullName: nil, registrationNumber: "107", registrationExpiry: nil, fee: "-1",
                departmentID: 44)
        ]
        let (history, report) = try translate(rows)
        #expect(
            history.departments.map(\.draft.name) == [
                "Cardiology", "CARDIOLOGY (6)", "Without a department",
            ])
        #expect(history.doctors[2].draft.registrationNumber == "107-9")
        #expect(
            report.lines.map { "\($0.id) \($0.reason)" } == [
                "6 NAME_TAKEN_OR_NOT_ALLOWED", "6 CREATED_DATE_MISSING", "6 HOURS_NOT_ALLOWED",
                "9 NAME_NOT_ALLOWED", "9 DEPARTMENT_NOT_FOUND", "9 REGISTRATION_EXPIRY_MISSING",
                "9 FEE_NOT_ALLOWED", "9 REGISTRATION_TAKEN",
            ])
    }

    @Test func `the report is CSV`() {
        var report = ImportReport()
        report.add(.booking, 7, .leftOut, "USER_NOT_FOUND", "no \"such\" patient")
        #expect(
            report.csv == [
                "table,id,outcome,reason,explanation",
                #"booking,7,left out,USER_NOT_FOUND,"no ""such"" patient""#,
            ])
    }

    @Test(
        arguments: [
            ("150", 15_000, true), ("150.1", 15_010, true), ("150.10", 15_010, true), ("0.5", 50, true),
            ("150.104", 15_010, false), ("150.105", 15_011, false), ("-1", 0, false), ("-0", 0, true),
        ] as [(String, Int64, Bool)])
    func `amounts are read to the cent`(text: String, cents: Int64, isWhole: Bool) throws {
        let amount = try #require(MinorUnits(parsing: text))
        #expect(amount.rounded == cents && amount.isWhole == isWhole)
    }

    @Test(arguments: ["", "NaN", "Infinity", "1e5", "12345678901", "1.2.3", "."])
    func `texts that are no amounts are refused`(text: String) { #expect(MinorUnits(parsing: text) == nil) }
}
