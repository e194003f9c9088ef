// Tables fit the terminal; csv and jsonl do not depend on it.

import ClinicMessages
import ProtobufC
import Scheduling
import Terminal
import Testing

@testable import clinic

@Suite struct TableTests {
    private static let long = String(repeating: "Wolfeschlegelsteinhausen ", count: 4).dropLast()
    private let instant = ProtobufTimestamp(seconds: 1_795_474_800)

    /// A list of each kind whose names have a hundred letters.
    private var lists: [any Presentable] {
        let name = String(Self.long)
        let money = Money(minorUnits: 2_210_900, currencyCode: "AUD")
        let department = DepartmentSummary(id: 12, departmentName: name)
        let doctor = DoctorSummary(id: 34, fullName: name, department: department)
        let booking = Booking(
            id: 1_234, startTime: instant, status: .completed,
            user: UserSummary(id: 5_678, firstName: name, lastName: name), doctor: doctor,
            transactions: [TransactionSummary(id: 9, totalFee: money, status: .partiallyRefunded)])
        let summary = BookingSummary(id: 1_234, startTime: instant, status: .completed)
        return [
            ListUsersResponse(users: [
                User(
                    id: 1, firstName: name, phone: "+61255550123", email: "\(name.count)@example.org",
                    role: .staff)
            ]),
            ListDepartmentsResponse(departments: [
                Department(
                    id: 1, departmentName: name, operatingStartHour: "08:00", operatingEndHour: "18:00")
            ]),
            ListDoctorsResponse(doctors: [
                Doctor(
                    id: 34, fullName: name, registrationNumber: "MED0001234567",
                    registrationExpiry: "2027-09-30",
                    consultationFee: money, slotMinutes: 30, department: department)
            ]),
            ListBookingsResponse(bookings: [booking]), ListMyBookingsResponse(bookings: [booking]),
            ListTransactionsResponse(transactions: [
                Transaction(
                    id: 9, fee: money, gst: money, totalFee: money, refundedAmount: money,
                    status: .partiallyRefunded, booking: summary)
            ]),
            ListTimeOffResponse(timeOff: [
                TimeOff(id: 1, doctor: doctor, startTime: instant, endTime: instant, displacedBookingCount: 3)
            ]),
            ListAuditEventsResponse(auditEvents: [
                AuditEvent(
                    id: 123_456, eventTime: instant, actorID: 5_678,
                    method: "clinic.v1.BookingService/UpdateBookingStatus", entity: "booking",
                    entityID: 1_234,
                    changeJson:
                        #"{"from": "HELD", "status": "NO_SHOW", "start_time": "2026-11-23T23:00:00+00:00"}"#)
            ]),
            QueryRevenueResponse(rows: [
                RevenueRow(
                    doctor: doctor, fee: money, gst: money, refunded: money, refundedGst: money, net: money)
            ]),
            QueryUtilizationResponse(rows: [UtilizationRow(doctor: doctor, offered: 160, booked: 30)]),
            SearchSlotsResponse(doctors: [
                DoctorSlots(
                    doctor: doctor, slotMinutes: 30, consultationFee: money,
                    slots: (0..<15).map {
                        Slot(startTime: ProtobufTimestamp(seconds: instant.seconds + $0 * 900))
                    })
            ]),
        ]
    }

    @Test(arguments: [80, 100]) func `every list fits the terminal`(width: Int) throws {
        let lists = lists
        #expect(lists.count == 11)
        // Without the limit they do not; the list of transactions has no names.
        let wide = lists.count { list in
            list.text.split(separator: "\n").contains { displayWidth(String($0)) > width }
        }
        #expect(wide >= 10)
        for list in lists {
            let style = TextStyle(times: TimeStyle(zone: sydney.zone), clinic: sydney, width: width)
            let lines = try list.text(style).split(separator: "\n")
            #expect(lines.count >= 2)
            for line in lines where displayWidth(String(line)) > width { Issue.record("\(line)") }
        }
    }

    @Test func `a cut name keeps the number that commands need`() {
        #expect(shortened("Dr Grace Brewster Murray Hopper (34)", to: 16) == "Dr Grace B… (34)")
        #expect(shortened("眼科眼科眼科", to: 6) == "眼科…")
        #expect(shortened("short", to: 5) == "short")
    }

    @Test func `the text on a terminal is cut, with --wide or into a pipe it is not`() async throws {
        let line = try TestCommandLine()
        let name = String(Self.long)
        try await line.serving { methods in
            methods.on(DepartmentServiceMethods.listDepartments) { _ in
                ListDepartmentsResponse(departments: [Department(id: 1, departmentName: name)])
            }
        } during: {
            let cut = await line.run(["department", "list"], width: 80)
            #expect(cut.output.contains("…") && !cut.output.contains(name))
            let wide = await line.run(["department", "list", "--wide"], width: 80)
            let piped = await line.run("department", "list")
            #expect(wide.output == piped.output && piped.output.contains(name))
        }
    }

    @Test func `a list is also csv, or a line of JSON per item, in the chosen columns`() async throws {
        let line = try TestCommandLine()
        let doctor = Doctor(
            id: 3, fullName: "=Dr \"Who\", MD", registrationNumber: "M1",
            consultationFee: Money(minorUnits: 20_099, currencyCode: "AUD"), slotMinutes: 30)
        let booking = Booking(
            id: 7, startTime: instant, status: .noShow, doctor: DoctorSummary(id: 3, fullName: "Who"))
        try await line.serving { methods in
            methods.on(DoctorServiceMethods.listDoctors) { _ in
                ListDoctorsResponse(doctors: [doctor, doctor])
            }
            methods.on(BookingServiceMethods.getBooking) { _ in booking }
        } during: {
            let csv = await line.run("doctor", "list", "--output", "csv", "--columns", "id,name,fee")
            #expect(
                csv.output
                    == "id,name,fee_aud\n3,\"'=Dr \"\"Who\"\", MD\",200.99\n3,\"'=Dr \"\"Who\"\", MD\",200.99\n"
            )
            let table = await line.run("doctor", "list", "--columns", "slot,id")
            #expect(table.output == "  SLOT  ID\n30 min   3\n30 min   3\n")
            let lines = await line.run("doctor", "list", "--output", "jsonl")
            #expect(lines.output.split(separator: "\n").count == 2)
            let read = try Doctor(
                decoding: Doctor.descriptor.bytes(json: String(lines.output.prefix { $0 != "\n" })))
            #expect(read == doctor)
            let one = await line.run("booking", "show", "7", "--output", "csv", "--columns", "start,status")
            #expect(one.output == "start,status\n2026-11-24T10:00:00+11:00,No show\n")
            let wrong = await line.run("doctor", "list", "--columns", "nmae")
            #expect(wrong.status == .usage)
            #expect(wrong.errors == "clinic: there is no column nmae; did you mean name?\n")
        }
    }
}
