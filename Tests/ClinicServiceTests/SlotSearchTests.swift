// Finding a slot, through the socket: what is offered can be booked, and what cannot be booked is not offered.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import TestCluster
import Testing

@Suite struct SlotSearchTests {
    private static let shared = Task { try await TestClinic() }

    @Test func `a department's free slots are found by doctor, each with its reason for none`() async throws {
        let clinic = try await Self.shared.value
        let administrator = try await clinic.administrator()
        let first = try await clinic.doctor(opens: "09:00", closes: "11:00", by: administrator)
        let departmentID = first.department?.id ?? 0
        func colleague(_ expiry: String = "2099-01-01") async throws -> Doctor {
            try await administrator.call(
                DoctorServiceMethods.registerDoctor,
                RegisterDoctorRequest(
                    departmentID: departmentID, fullName: "Dr Next", registrationNumber: "S\(clinic.next())",
                    registrationExpiry: expiry, consultationFee: Money(minorUnits: 5), slotMinutes: 60))
        }
        let (full, away, expired) = (
            try await colleague(), try await colleague(), try await colleague("2020-01-01")
        )
        let patient = try await clinic.signUp()
        _ = try await patient.book(first, at: clinic.dateTime(hour: 9))
        let hold = try await patient.hold(first, at: clinic.dateTime(hour: 10))
        let other = try await clinic.signUp()
        for hour in [9, 10] { _ = try await other.book(full, at: clinic.dateTime(hour: hour)) }
        try await administrator.takeOff(away, day: clinic.day())

        let day = try clinic.day()
        let request = SearchSlotsRequest(subject: .departmentID(departmentID), firstDay: day, lastDay: day)
        let anyone = try await clinic.connect()
        let found = try await anyone.call(BookingServiceMethods.searchSlots, request).doctors
        #expect(found.map { $0.doctor?.id } == [first, full, away, expired].map { $0.id })
        #expect(found.map { $0.noSlotReason } == [.unspecified, .full, .timeOff, .registrationExpired])
        #expect(found.map { $0.slotMinutes } == [30, 60, 60, 60])
        #expect(found[1].consultationFee == Money(minorUnits: 5, currencyCode: "AUD"))
        let free = [try clinic.dateTime(hour: 9, minute: 30), try clinic.dateTime(hour: 10, minute: 30)]
        #expect(found[0].slots.map(\.bookingDateTime) == free)
        #expect(
            found[0].slots.allSatisfy { ($0.endTime?.seconds ?? 0) - ($0.startTime?.seconds ?? 0) == 1_800 })

        try await clinic.runOut(hold)
        let again = try await anyone.call(BookingServiceMethods.searchSlots, request).doctors
        #expect(again[0].slots.count == 3)

        var pages: [Int64] = []
        var paged = request
        paged.pageSize = 3
        repeat {
            let page = try await anyone.call(BookingServiceMethods.searchSlots, paged)
            pages += page.doctors.compactMap { $0.doctor?.id }
            paged.pageToken = page.nextPageToken
        } while !paged.pageToken.isEmpty
        #expect(pages == [first, full, away, expired].map { $0.id })
    }

    @Test func `what is found can be booked, by its instant and by its reading`() async throws {
        let clinic = try await Self.shared.value
        let doctor = try await clinic.doctor(by: clinic.administrator())
        let patient = try await clinic.signUp()
        let week = try await patient.call(
            BookingServiceMethods.searchSlots, SearchSlotsRequest(subject: .doctorID(doctor.id)))
        let slots = try #require(week.doctors.first).slots
        // A week from today, without what is over: six whole days and a rest.
        #expect((6 * 48...7 * 48).contains(slots.count))
        for (index, slot) in slots.enumerated() where index % 37 == 5 {
            let start = try #require(slot.startTime)
            let booking = try await patient.call(
                BookingServiceMethods.bookAppointment,
                BookAppointmentRequest(
                    doctorID: doctor.id,
                    time: index % 2 == 0 ? .startTime(start) : .bookingDateTime(slot.bookingDateTime)))
            #expect(booking.startTime == start && booking.endTime == slot.endTime)
        }
        let later = try await patient.call(
            BookingServiceMethods.searchSlots, SearchSlotsRequest(subject: .doctorID(doctor.id)))
        #expect(later.doctors.first?.slots.count ?? 0 < slots.count)
    }

    @Test func `a search is bounded in days, doctors and slots, and says when there is more`() async throws {
        let clinic = try await Self.shared.value
        let doctor = try await clinic.doctor(by: clinic.administrator())
        let anyone = try await clinic.connect()
        func search(_ last: Int64, perDoctor: Int64 = 0) async throws -> DoctorSlots? {
            try await anyone.call(
                BookingServiceMethods.searchSlots,
                SearchSlotsRequest(
                    subject: .doctorID(doctor.id), firstDay: clinic.day(ahead: 1),
                    lastDay: clinic.day(ahead: last),
                    slotsPerDoctor: perDoctor)
            ).doctors.first
        }
        let month = try await search(31)
        #expect(month?.slots.count == 500 && month?.hasMore == true)
        #expect(try await search(31, perDoctor: .max)?.slots.count == 500)
        let few = try await search(1, perDoctor: 3)
        #expect(few?.slots.count == 3 && few?.hasMore == true)
        let day = try await search(1)
        #expect(day?.slots.count == 48 && day?.hasMore == false)
    }

    @Test func `days behind and beyond the window are out of it`() async throws {
        let clinic = try await Self.shared.value
        let doctor = try await clinic.doctor(by: clinic.administrator())
        let anyone = try await clinic.connect()
        for ahead: Int64 in [-2, 32] {
            let found = try await anyone.search(doctor, day: clinic.day(ahead: ahead))
            #expect(found.slots.isEmpty && found.noSlotReason == .outOfWindow)
        }
    }

    @Test func `a department without doctors has none, and one that is not there is not found`() async throws
    {
        let clinic = try await Self.shared.value
        let department = try await clinic.administrator().call(
            DepartmentServiceMethods.createDepartment,
            CreateDepartmentRequest(
                departmentName: "Empty \(clinic.next())", operatingStartHour: "09:00",
                operatingEndHour: "17:00"))
        let anyone = try await clinic.connect()
        let answer = try await anyone.call(
            BookingServiceMethods.searchSlots, SearchSlotsRequest(subject: .departmentID(department.id)))
        #expect(answer == SearchSlotsResponse())
    }
}
