// Parsing and formatting of money, tables, labels and times.

import ClinicMessages
import RPCMessages
import Testing

@testable import clinic

@Suite struct TextTests {
    @Test(
        arguments: [
            (22109, "AUD", "221.09 AUD"), (5, "AUD", "0.05 AUD"), (0, "AUD", "0.00 AUD"),
            (-1, "AUD", "-0.01 AUD"),
            (100, "", "1.00"), (20000, "JPY", "20000 JPY"), (1234, "KWD", "1.234 KWD"),
            (.max, "AUD", "92233720368547758.07 AUD"), (.min, "AUD", "-92233720368547758.08 AUD"),
        ] as [(Int64, String, String)])
    func `money is formatted exactly`(units: Int64, currency: String, text: String) {
        #expect(MoneyText.text(Money(minorUnits: units, currencyCode: currency)) == text)
    }

    @Test(
        arguments: [
            ("200.99", 20099, "AUD"), ("200.9", 20090, "AUD"), ("200", 20000, "AUD"), ("0.15 aud", 15, "AUD"),
            ("20000 JPY", 20000, "JPY"), ("1.234 KWD", 1234, "KWD"), ("92233720368547758.07", .max, "AUD"),
        ] as [(String, Int64, String)])
    func `money is parsed exactly`(text: String, units: Int64, currency: String) throws {
        #expect(
            try GivenAmount.parse(text).money(in: sydney) == Money(minorUnits: units, currencyCode: currency))
    }

    @Test(arguments: [
        "", "1.999", "1.", ".5", "1,50", "-1", "1e3", "1.5 JPY", "1 DOLLAR", "1 2 3", "92233720368547758.08",
        "１",
    ])
    func `malformed or inexact money is rejected`(text: String) {
        #expect(throws: (any Error).self) { try GivenAmount.parse(text).money(in: sydney) }
    }

    @Test func `a table is aligned in every script`() {
        let response = ListTransactionsResponse(transactions: [
            Transaction(
                id: 9, fee: Money(minorUnits: 20099, currencyCode: "AUD"),
                gst: Money(minorUnits: 2010, currencyCode: "AUD"),
                totalFee: Money(minorUnits: 22109, currencyCode: "AUD"), status: .partiallyRefunded,
                booking: BookingSummary(
                    id: 7, startTime: ProtobufTimestamp(seconds: 1_795_474_800), status: .noShow)),
            Transaction(id: 10, totalFee: Money(minorUnits: 5, currencyCode: "AUD"), status: .paid),
        ])
        #expect(
            response.text == """
                ID  STATUS              FEE AUD  GST AUD  TOTAL AUD  BOOKING  APPOINTMENT
                 9  Partially refunded   200.99    20.10     221.09        7  2026-11-24 10:00
                10  Paid                                       0.05

                """)
        let departments = ListDepartmentsResponse(departments: [
            Department(id: 1, departmentName: "眼科", operatingStartHour: "08:00"),
            Department(id: 2, departmentName: "Ne\u{301}phro", operatingStartHour: "09:00"),
        ])
        #expect(
            departments.text == """
                ID  NAME    OPENS
                 1  眼科    08:00
                 2  Ne\u{301}phro  09:00

                """)
    }

    @Test func `a single resource is printed one property per line without empty ones`() {
        #expect(
            User(
                id: 2, firstName: "Ada", lastName: "Lovelace", email: "ada@example.com", role: .patient,
                etag: "4"
            )
            .text == """
                User    2
                Name    Ada Lovelace
                E-mail  ada@example.com
                Role    Patient
                Etag    4

                """)
    }

    @Test func `the public list of bookings has no column for patients`() {
        let booking = Booking(id: 1, status: .booked, doctor: DoctorSummary(id: 3, fullName: "Dr Hopper"))
        #expect(ListBookingsResponse(bookings: [booking]).text.hasPrefix("ID  STATUS  DOCTOR\n"))
    }

    @Test func `the list of one's own bookings has no column for the patient`() {
        let booking = Booking(
            id: 1, startTime: ProtobufTimestamp(seconds: 1_795_474_800), status: .booked,
            user: UserSummary(id: 2, firstName: "Ada"),
            doctor: DoctorSummary(
                id: 3, fullName: "Dr Hopper", department: DepartmentSummary(id: 4, departmentName: "Eyes")))
        #expect(
            ListMyBookingsResponse(bookings: [booking]).text == """
                ID  START             STATUS  DOCTOR         DEPARTMENT
                 1  2026-11-24 10:00  Booked  Dr Hopper (3)  Eyes

                """)
    }

    @Test func `a name cannot control the terminal`() {
        let user = User(id: 1, firstName: "\u{1B}[2J\u{9B}\n", lastName: "\u{202E}eve")
        #expect(user.text == "User  1\nName  \u{FFFD}[2J\u{FFFD}\u{FFFD} \u{FFFD}eve\nRole  Unspecified\n")
    }

    @Test func `labels are plain words`() {
        #expect(
            BookingStatus.allCases.dropFirst().map { label($0) } == [
                "Held", "Booked", "Confirmed", "Arrived", "Completed", "Cancelled", "Expired", "No show",
            ])
        #expect(label(BookingStatus.unrecognized(77)) == "77")
        #expect(label(HealthCheckResponse.ServingStatus.notServing) == "Not serving")
        #expect(throws: (any Error).self) { try enumeration(named: "unspecified") as Role }
    }

    @Test func `timestamps are parsed from RFC 3339 only`() {
        #expect(
            ProtobufTimestamp(rfc3339: "2026-11-24T10:00:00.5+11:00")?.rfc3339 == "2026-11-23T23:00:00.500Z")
        for text in ["", "2026-11-24", "24/11/2026 10:00:00", "2026-02-30T10:00:00Z", "\"", "10s"] {
            #expect(ProtobufTimestamp(rfc3339: text) == nil)
        }
    }

    @Test func `the next page is the same command with another token, quoted for a shell`() {
        let command = NextPage.command(
            ["user", "list", "--page-token", "old", "--email", "o'hara x", "--page-token=older"],
            token: "n-_1")
        #expect(command == "clinic user list --email 'o'\\''hara x' --page-token n-_1")
    }
}
