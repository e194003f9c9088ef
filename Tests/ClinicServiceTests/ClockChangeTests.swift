// Finding and taking slots on the days on which the clocks are changed, through the socket. Bookings reach 30 days
// ahead and the clocks change in April and October, so the zone's own table is moved by whole weeks until the change
// falls into the week after next: the same Sunday, the same hour of night, the same offsets.

import ClinicMessages
import ClinicService
import Foundation
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import TestCluster
import Testing
import TimeZones

@Suite struct ClockChangeTests {
    /// A zone, which of its next changes, how many half hours that day has, and the starts before and from the change.
    private static let changes:
        [(zone: String, isForward: Bool, halfHours: Int, before: [String], after: [String])] = [
            ("Australia/Sydney", true, 46, ["01:00", "01:30"], ["03:00", "03:30"]),
            ("Australia/Sydney", false, 50, ["01:30", "02:00", "02:30"], ["02:00", "02:30", "03:00"]),
            ("Australia/Lord_Howe", true, 47, ["01:00", "01:30"], ["02:30", "03:00"]),
            ("Australia/Lord_Howe", false, 49, ["01:00", "01:30"], ["01:30", "02:00"]),
        ]

    @Test(arguments: changes)
    func `on the day of a change every slot there is is offered once and can be booked`(
        zone: String, isForward: Bool, halfHours: Int, before: [String], after: [String]
    ) async throws {
        let (rules, change) = try Self.moved(TimeZoneDatabase.load(zone), isForward: isForward)
        try await withClinic(zone: rules) { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patient = try await clinic.signUp()
            let day = try #require(rules.localDateTime(at: change)).date.description

            let slots = try await patient.search(doctor, day: day).slots
            #expect(slots.count == halfHours)
            // One after the other, with no hole and no overlap, however the readings jump.
            let starts = slots.compactMap { $0.startTime?.seconds }
            #expect(zip(starts, starts.dropFirst()).allSatisfy { $1 - $0 == 1_800 })
            #expect(slots.allSatisfy { ($0.endTime?.seconds ?? 0) - ($0.startTime?.seconds ?? 0) == 1_800 })
            let index = try #require(starts.firstIndex(of: change.secondsSinceEpoch))
            let around = slots[(index - before.count)..<(index + after.count)]
            #expect(around.map { $0.bookingDateTime.suffix(8).prefix(5) }.map(String.init) == before + after)

            // The whole day is taken, each of two equal readings by its instant.
            for slot in slots {
                let start = try #require(slot.startTime)
                let booking = try await patient.call(
                    BookingServiceMethods.bookAppointment,
                    BookAppointmentRequest(doctorID: doctor.id, time: .startTime(start)))
                #expect(booking.startTime == start && booking.endTime == slot.endTime)
                #expect(booking.bookingDateTime == slot.bookingDateTime)
            }
            let left = try await patient.search(doctor, day: day)
            #expect(left.slots.isEmpty && left.noSlotReason == .full)
        }
    }

    @Test(arguments: [("Australia/Sydney", 3_600), ("Australia/Lord_Howe", 1_800)])
    func `a reading that is skipped is refused`(zone: String, length: Int64) async throws {
        let (rules, change) = try Self.moved(TimeZoneDatabase.load(zone), isForward: true)
        try await withClinic(zone: rules) { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patient = try await clinic.signUp()
            for second in stride(from: 0, to: length, by: 1_800) {
                let reading = try Self.reading("02:00", after: second, on: change, rules)
                let refusal = try await status { _ = try await patient.book(doctor, at: reading) }
                #expect(refusal?.errorInfo?.reason == "SKIPPED_LOCAL_TIME", "\(reading)")
            }
            let next = try Self.reading("02:00", after: length, on: change, rules)
            #expect(try await patient.book(doctor, at: next).startTime?.seconds == change.secondsSinceEpoch)
        }
    }

    @Test(arguments: [("Australia/Sydney", "02:00", 3_600), ("Australia/Lord_Howe", "01:30", 1_800)])
    func `a reading that comes twice is its first, and the second stays free`(
        zone: String, hour: String, length: Int64
    ) async throws {
        let (rules, change) = try Self.moved(TimeZoneDatabase.load(zone), isForward: false)
        try await withClinic(zone: rules) { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patient = try await clinic.signUp()
            let reading = try Self.reading(hour, after: 0, on: change, rules)
            let booking = try await patient.book(doctor, at: reading)
            #expect(booking.startTime?.seconds == change.secondsSinceEpoch - length)
            #expect(booking.bookingDateTime == reading)
            let refusal = try await status { _ = try await clinic.signUp().book(doctor, at: reading) }
            #expect(refusal?.errorInfo?.reason == "SLOT_TAKEN")
            let day = try #require(rules.localDateTime(at: change)).date.description
            let left = try await patient.search(doctor, day: day).slots.filter {
                $0.bookingDateTime == reading
            }
            #expect(left.map { $0.startTime?.seconds } == [change.secondsSinceEpoch])
        }
    }

    /// What callers write for an hour and so many seconds on the day of a change.
    private static func reading(
        _ hour: String, after seconds: Int64, on change: Instant, _ zone: TimeZoneRules
    ) throws -> String {
        let day = try #require(zone.localDateTime(at: change)).date
        let minute = try #require(MinuteOfDay(parsing: hour))
        return try #require(LocalDateTime(date: day, secondOfDay: minute.minutes * 60 + Int(seconds)))
            .description
    }

    /// A zone whose next change in that direction is 8 to 14 days ahead, and when it is.
    private static func moved(_ zone: TimeZoneRules, isForward: Bool) throws -> (TimeZoneRules, Instant) {
        let now = Instant.now.secondsSinceEpoch
        let next = try #require(
            zone.transitions.indices.dropFirst().first { index in
                zone.transitions[index].secondsSinceEpoch > now
                    && (zone.transitions[index].offset > zone.transitions[index - 1].offset) == isForward
            })
        let week: Int64 = 7 * 86_400
        let ahead = zone.transitions[next].secondsSinceEpoch - now
        let shift = ahead / week * week - week
        let moved = TimeZoneRules(
            identifier: zone.identifier, initialOffset: zone.initialOffset,
            transitions: zone.transitions.map {
                TimeZoneTransition(secondsSinceEpoch: $0.secondsSinceEpoch - shift, offset: $0.offset)
            })
        let change = Instant(secondsSinceEpoch: zone.transitions[next].secondsSinceEpoch - shift)
        return (try #require(moved), try #require(change))
    }
}
