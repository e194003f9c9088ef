// The commands for holds, rescheduling, slot searches, weekly hours and time off: requests and output.

import ArgumentParser
import ClinicMessages
import RPCMessages
import Testing

@testable import clinic

@Suite struct SlotCommandTests {
    private let instant = ProtobufTimestamp(seconds: 1_795_474_800)

    @Test func `requests to show, hold, confirm and reschedule bookings`() throws {
        #expect(try request(ShowBooking.self, "booking", "show", "7") == GetBookingRequest(bookingID: 7))
        #expect(
            try request(HoldSlot.self, "booking", "hold", "--doctor", "3", "--at", "24/11/2026 10:00")
                == HoldSlotRequest(doctorID: 3, time: .bookingDateTime("24/11/2026 10:00:00")))
        #expect(
            try request(
                HoldSlot.self, "booking", "hold", "--doctor", "3", "--at", "2026-11-24T10:00:00+11:00",
                "--user", "8")
                == HoldSlotRequest(doctorID: 3, time: .startTime(instant), userID: 8))
        #expect(
            try request(ConfirmHold.self, "booking", "confirm", "7", "--etag", "1")
                == ConfirmHoldRequest(bookingID: 7, etag: "1"))
        #expect(
            try request(
                RescheduleBooking.self, "booking", "reschedule", "7", "--at", "2026-11-24T10:00:00+11:00")
                == RescheduleBookingRequest(bookingID: 7, time: .startTime(instant)))
    }

    @Test func `slots are searched for a department or a doctor, not both`() throws {
        #expect(
            try request(
                SearchSlots.self, "slot", "search", "--department", "2", "--from", "2026-11-24", "--to",
                "2026-11-28",
                "--limit", "9", "--page-token", "t")
                == SearchSlotsRequest(
                    subject: .departmentID(2), firstDay: "2026-11-24", lastDay: "2026-11-28",
                    slotsPerDoctor: 9,
                    pageToken: "t"))
        #expect(
            try request(SearchSlots.self, "slot", "search", "--doctor", "3")
                == SearchSlotsRequest(subject: .doctorID(3)))
        for arguments in [["slot", "search"], ["slot", "search", "--doctor", "3", "--department", "2"]] {
            #expect(throws: (any Error).self) { try ClinicCommand.parseAsRoot(arguments) }
        }
    }

    @Test func `time off is given in days or in instants`() throws {
        #expect(
            try request(
                CreateTimeOff.self, "time-off", "create", "--doctor", "3", "--from", "2026-12-24", "--to",
                "2026-12-31")
                == CreateTimeOffRequest(doctorID: 3, firstDay: "2026-12-24", lastDay: "2026-12-31"))
        #expect(
            try request(
                CreateTimeOff.self, "time-off", "create", "--doctor", "3", "--from", "2026-11-23T23:00:00Z",
                "--to",
                "2026-11-24T10:00:00+11:00")
                == CreateTimeOffRequest(doctorID: 3, startTime: instant, endTime: instant))
        #expect(throws: CommandFailure.self) {
            try request(
                CreateTimeOff.self, "time-off", "create", "--doctor", "3", "--from", "2026-11-23T23:00:00Z")
        }
        #expect(
            try request(
                ListTimeOff.self, "time-off", "list", "--doctor", "3", "--after", "2026-11-23T23:00:00Z")
                == ListTimeOffRequest(doctorID: 3, endAfter: instant))
        #expect(
            try request(DeleteTimeOff.self, "time-off", "delete", "4") == DeleteTimeOffRequest(timeOffID: 4))
    }

    @Test func `requests to show and forcibly delete doctors and departments`() throws {
        #expect(try request(ShowDoctor.self, "doctor", "show", "3") == GetDoctorRequest(doctorID: 3))
        #expect(
            try request(ShowDepartment.self, "department", "show", "2")
                == GetDepartmentRequest(departmentID: 2))
        #expect(
            try request(DeleteDoctor.self, "doctor", "delete", "3", "--force")
                == DeleteDoctorRequest(doctorID: 3, force: true))
        #expect(
            try request(DeleteDepartment.self, "department", "delete", "2", "--force")
                == DeleteDepartmentRequest(departmentID: 2, force: true))
    }

    @Test func `weekly hours are parsed from days and hours`() throws {
        let week = try request(
            SetDoctorSchedule.self, "doctor", "set-schedule", "3", "mon-tue 09:00-12:00 13:00-17:00",
            "Thursday,SUN 10:00-24:00"
        ).weeklyHours
        #expect(
            WorkingHours.text(week)
                == "Mon-Tue 09:00-12:00 13:00-17:00, Thu 10:00-24:00, Sun 10:00-24:00")
        #expect(week.count == 6)
        #expect(
            try request(SetDoctorSchedule.self, "doctor", "set-schedule", "3", "--clear", "--etag", "5")
                == SetDoctorScheduleRequest(doctorID: 3, etag: "5"))
        for wrong in [
            "mon", "someday 09:00-10:00", "fri-mon 09:00-10:00", "mon 09:00", "", "mon- 09:00-10:00",
        ] {
            #expect(throws: (any Error).self) {
                try ClinicCommand.parseAsRoot(["doctor", "set-schedule", "3", wrong])
            }
        }
        #expect(throws: (any Error).self) { try ClinicCommand.parseAsRoot(["doctor", "set-schedule", "3"]) }
    }

    @Test func `free slots are printed by doctor and day, or the reason why there are none`() async throws {
        let line = try TestCommandLine()
        try await line.serving { methods in
            methods.on(BookingServiceMethods.searchSlots) { _ in
                let slots = (0..<15 as Range<Int64>).map {
                    Slot(startTime: ProtobufTimestamp(seconds: 1_795_467_600 + $0 * 3600))
                }
                return SearchSlotsResponse(
                    doctors: [
                        DoctorSlots(
                            doctor: DoctorSummary(id: 3, fullName: "Dr Hopper"), slotMinutes: 60,
                            consultationFee: Money(minorUnits: 20_099, currencyCode: "AUD"),
                            slots: slots + [Slot(startTime: ProtobufTimestamp(seconds: 1_795_554_000))],
                            hasMore: true),
                        DoctorSlots(
                            doctor: DoctorSummary(id: 4, fullName: "Dr Who"), slotMinutes: 30,
                            noSlotReason: .timeOff),
                    ], nextPageToken: "next")
            }
        } during: {
            let outcome = await line.run("slot", "search", "--department", "2")
            #expect(
                outcome.output == """
                    Dr Hopper (3), 60 min, 200.99 AUD
                      2026-11-24  08:00 09:00 10:00 11:00 12:00 13:00 14:00 15:00 16:00 17:00 18:00 19:00 20:00
                                  21:00 22:00
                      2026-11-25  08:00
                      and more

                    Dr Who (4), 30 min, none free: time off

                    """)
            #expect(outcome.errors == "more: clinic slot search --department 2 --page-token next\n")
        }
    }
}
