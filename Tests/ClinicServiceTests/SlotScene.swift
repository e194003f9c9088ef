// What the tests of holds, moves, searches and time off have in common.

import ClinicMessages
import ClinicService
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import TTRPC

extension Session {
    @discardableResult
    func hold(_ doctor: Doctor, at dateTime: String, key: String? = nil) async throws -> Booking {
        try await call(
            BookingServiceMethods.holdSlot,
            HoldSlotRequest(doctorID: doctor.id, time: .bookingDateTime(dateTime)), key: key)
    }

    @discardableResult
    func confirm(_ booking: Booking, etag: String = "") async throws -> Booking {
        try await call(
            BookingServiceMethods.confirmHold, ConfirmHoldRequest(bookingID: booking.id, etag: etag))
    }

    @discardableResult
    func reschedule(_ booking: Booking, to dateTime: String, etag: String = "") async throws -> Booking {
        try await call(
            BookingServiceMethods.rescheduleBooking,
            RescheduleBookingRequest(bookingID: booking.id, time: .bookingDateTime(dateTime), etag: etag))
    }

    @discardableResult
    func cancel(_ booking: Booking) async throws -> Booking {
        try await call(
            BookingServiceMethods.updateBookingStatus,
            UpdateBookingStatusRequest(bookingID: booking.id, status: .cancelled))
    }

    func get(_ booking: Booking) async throws -> Booking {
        try await call(BookingServiceMethods.getBooking, GetBookingRequest(bookingID: booking.id))
    }

    /// Time off of a doctor on one whole day, that many days ahead.
    @discardableResult
    func takeOff(_ doctor: Doctor, day: String) async throws -> TimeOff {
        try await call(
            DoctorServiceMethods.createTimeOff,
            CreateTimeOffRequest(doctorID: doctor.id, firstDay: day))
    }

    /// Free slots of a doctor on one day.
    func search(_ doctor: Doctor, day: String) async throws -> DoctorSlots {
        let answer = try await call(
            BookingServiceMethods.searchSlots,
            SearchSlotsRequest(subject: .doctorID(doctor.id), firstDay: day, lastDay: day))
        return answer.doctors.first ?? DoctorSlots()
    }
}

extension TestClinic {
    /// A day as YYYY-MM-DD, that many days ahead.
    func day(ahead: Int64 = 2) throws -> String {
        guard let day = settings.zone.localDateTime(at: .now)?.date.adding(days: ahead) else {
            throw Status(.internal, "no such day")
        }
        return day.description
    }

    /// Lets the time of a hold be over, as ten minutes would.
    func runOut(_ hold: Booking) async throws {
        try await run(
            "update clinic.booking set hold_expires_at = now() - interval '1 millisecond' where id = $1",
            [.int64(hold.id)])
    }

    /// The status that is written down, whatever readers are shown.
    func storedStatus(_ booking: Booking) async throws -> String {
        let rows = try await database.read(
            Statement("select status from clinic.booking where id = $1"), [.int64(booking.id)])
        guard var row = rows.first else { return "" }
        return try row.text()
    }

    func run(_ sql: String, _ parameters: [SQLValue] = []) async throws {
        _ = try await database.write(Statement(sql), parameters)
    }

    /// Runs what the role that serves may not.
    func runAsOwner(_ sql: String) async throws {
        try await AdminConnection.withConnection(url: databaseURL) { try $0.execute(sql) }
    }

    func patients(_ count: Int) async throws -> [Session] {
        try await withThrowingTaskGroup(of: Session.self) { group in
            for _ in 0..<count { group.addTask { try await self.signUp() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// The same patients on connections to another server of the same clinic.
    func admit(_ patients: [Session]) async throws -> [Session] {
        var admitted: [Session] = []
        for patient in patients {
            admitted.append(
                Session(
                    client: try await Client.connect(to: address), token: patient.token,
                    userID: patient.userID))
        }
        return admitted
    }

    /// Bookings that occupy the same time of one doctor or one patient.
    static let overlaps = """
        select count(*) from clinic.booking as a join clinic.booking as b
        on a.id < b.id and a.period && b.period and (a.doctor_id = b.doctor_id or a.user_id = b.user_id)
        where a.status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED')
            and b.status in ('HELD', 'BOOKED', 'CONFIRMED', 'ARRIVED')
        """
}
