// The invented clinic without a database; what it looks like in one is in EndToEndTests.

import ClinicService
import ClinicStore
import Scheduling
import Testing

@testable import ClinicDemo

@Suite struct DemoClinicTests {
    /// 2026-11-25T03:30:00Z, a Wednesday.
    private static let now = Instant(microsecondsSinceEpoch: 1_795_577_400_000_000)

    private func history(at now: Instant = now, weeks: Int64 = 3) throws -> ClinicHistory {
        try DemoClinic(
            settings: ClinicSettings(zone: .utc), now: now, weeks: weeks, passwordHash: "hash"
        ).history()
    }

    @Test func `the same moment makes the same clinic`() throws {
        let (one, other) = (try history(), try history())
        #expect(one.bookings.count > 1_000)
        #expect(one.bookings.map(\.slot.start) == other.bookings.map(\.slot.start))
        #expect(one.bookings.map(\.status) == other.bookings.map(\.status))
        #expect(one.departments.count == 8 && one.doctors.count == 40)
        #expect(one.patients.count == other.patients.count)
    }

    @Test func `nothing has happened later than now`() throws {
        let history = try history()
        #expect(history.bookings.allSatisfy { $0.bookedAt <= Self.now })
        let completed = history.bookings.filter { $0.status == .completed }
        #expect(!completed.isEmpty && completed.allSatisfy { $0.slot.end <= Self.now })
        #expect(history.bookings.contains { $0.slot.start > Self.now })
    }

    @Test func `a clinic without weeks behind it has appointments ahead only`() throws {
        let history = try history(weeks: 0)
        let today = try #require(TimeZoneRules.utc.localDateTime(at: Self.now)?.date)
        let first = try #require(TimeZoneRules.utc.moment(.midnight, on: today))
        #expect(!history.bookings.isEmpty && history.bookings.allSatisfy { $0.slot.start >= first })
    }
}
