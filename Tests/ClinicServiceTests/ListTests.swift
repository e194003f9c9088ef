// Lists by pages: every thing once, in order, under tokens that belong to one list, its filters and its caller.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Testing

@Suite struct ListTests {
    @Test func `pages hold everything once and in order, also when something is added between them`()
        async throws
    {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            for hour in [15, 9, 12, 10, 11] {
                _ = try await patient.book(doctor, at: clinic.dateTime(hour: hour))
            }

            var seen: [Booking] = []
            var request = ListMyBookingsRequest(pageSize: 2)
            repeat {
                let page = try await patient.call(BookingServiceMethods.listMyBookings, request)
                #expect(page.bookings.count <= 2)
                if seen.isEmpty { _ = try await patient.book(doctor, at: clinic.dateTime(hour: 8)) }
                seen += page.bookings
                request.pageToken = page.nextPageToken
            } while !request.pageToken.isEmpty
            #expect(seen.map { $0.bookingDateTime.suffix(8).prefix(2) } == ["09", "10", "11", "12", "15"])
        }
    }

    @Test func `a page token belongs to its caller and cannot be altered`() async throws {
        try await withClinic { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let (patient, other) = (try await clinic.signUp(), try await clinic.signUp())
            for hour in [9, 10] { _ = try await patient.book(doctor, at: clinic.dateTime(hour: hour)) }
            let page = try await patient.call(
                BookingServiceMethods.listMyBookings, ListMyBookingsRequest(pageSize: 1))
            let altered =
                String(page.nextPageToken.dropLast()) + (page.nextPageToken.hasSuffix("A") ? "B" : "A")
            for (session, token) in [(other, page.nextPageToken), (patient, altered), (patient, "?")] {
                let refusal = try await status {
                    try await session.call(
                        BookingServiceMethods.listMyBookings,
                        ListMyBookingsRequest(pageSize: 1, pageToken: token)
                    )
                }
                #expect(refusal?.errorInfo?.reason == "INVALID_PAGE_TOKEN")
            }
            // The page size may change on the way.
            let rest = try await patient.call(
                BookingServiceMethods.listMyBookings,
                ListMyBookingsRequest(pageSize: 7, pageToken: page.nextPageToken))
            #expect(rest.bookings.count == 1)
        }
    }

    @Test func `a page has 50 things by default and 1000 at most`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let values = (0..<1_001).map { "('D\($0)', 'd\($0)', 0, 0, current_date, current_date)" }
            _ = try await clinic.database.write(
                .init(
                    "insert into clinic.department (name, name_key, opens, closes, created_date, last_update) values "
                        + values.joined(separator: ",")), [])
            for (size, count) in [(0, 50), (5_000, 1_000), (1_000, 1_000), (3, 3)] as [(Int64, Int)] {
                let page = try await administrator.call(
                    DepartmentServiceMethods.listDepartments, ListDepartmentsRequest(pageSize: size))
                #expect(page.departments.count == count)
                #expect(!page.nextPageToken.isEmpty)
            }
        }
    }

    @Test func `bookings are filtered by doctor, status, time and patient`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctors = [
                try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator),
            ]
            let (ann, bob) = (try await clinic.signUp(), try await clinic.signUp())
            let first = try await ann.book(doctors[0], at: clinic.dateTime(hour: 9))
            let second = try await bob.book(doctors[0], at: clinic.dateTime(hour: 10))
            let third = try await ann.book(doctors[1], at: clinic.dateTime(hour: 11))
            _ = try await ann.pay(third)

            func ids(_ request: ListBookingsRequest) async throws -> [Int64] {
                try await administrator.call(BookingServiceMethods.listBookings, request).bookings.map {
                    $0.id
                }
            }
            #expect(try await ids(ListBookingsRequest()) == [first.id, second.id, third.id])
            #expect(try await ids(ListBookingsRequest(doctorID: doctors[0].id)) == [first.id, second.id])
            #expect(try await ids(ListBookingsRequest(statuses: [.confirmed])) == [third.id])
            #expect(
                try await ids(ListBookingsRequest(statuses: [.confirmed, .booked]))
                    == [first.id, second.id, third.id])
            #expect(
                try await ids(ListBookingsRequest(statuses: [.booked, .booked, .noShow])) == [
                    first.id, second.id,
                ])
            let page = try await administrator.call(
                BookingServiceMethods.listBookings,
                ListBookingsRequest(pageSize: 2, statuses: [.confirmed, .booked]))
            #expect(page.bookings.map(\.id) == [first.id, second.id])
            #expect(
                try await ids(
                    ListBookingsRequest(pageToken: page.nextPageToken, statuses: [.confirmed, .booked])) == [
                        third.id
                    ])
            #expect(try await ids(ListBookingsRequest(userID: ann.userID)) == [first.id, third.id])
            #expect(try await ids(ListBookingsRequest(startFrom: second.startTime)) == [second.id, third.id])
            #expect(
                try await ids(ListBookingsRequest(startFrom: second.startTime, startBefore: third.startTime))
                    == [second.id])
        }
    }
}
