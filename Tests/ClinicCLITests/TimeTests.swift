// Reading and writing of days and times: what is printed is read as the same minute.

import ClinicMessages
import Scheduling
import Testing
import TimeZones

@testable import clinic

@Suite struct TimeTests {
    /// Tuesday 2026-12-01, 09:00 in Sydney.
    private let now: Int64 = 1_796_076_000
    private var clock: ClinicClock { ClinicClock(zone: sydney.zone, now: now) }

    @Test(arguments: [
        ("2026-12-02 09:30", "2026-12-01T22:30:00Z"), ("2026-12-02T09:30:15", "2026-12-01T22:30:15Z"),
        ("02/12/2026 09:30", "2026-12-01T22:30:00Z"), ("2/12/2026 9:30:00", "2026-12-01T22:30:00Z"),
        ("2026-12-02T09:30:00+11:00", "2026-12-01T22:30:00Z"), ("2026-12-01 22:30Z", "2026-12-01T22:30:00Z"),
        ("2026-12-02 09:30-03:30", "2026-12-02T13:00:00Z"), ("2026-12-02", "2026-12-01T13:00:00Z"),
        ("today", "2026-11-30T13:00:00Z"), ("Tomorrow 9:30", "2026-12-01T22:30:00Z"),
        ("yesterday 23:59", "2026-11-30T12:59:00Z"), ("wed 9:30", "2026-12-01T22:30:00Z"),
        ("MONDAY 09:30", "2026-12-06T22:30:00Z"), ("tue 9:30", "2026-11-30T22:30:00Z"),
        ("tue 9:00", "2026-12-07T22:00:00Z"), ("tue", "2026-11-30T13:00:00Z"),
        // The clock is set back: the earlier of two instants, unless the offset says otherwise.
        ("2027-04-04 02:30", "2027-04-03T15:30:00Z"), ("2027-04-04 02:30+10:00", "2027-04-03T16:30:00Z"),
    ])
    func `a time is read in the clinic's zone`(text: String, instant: String) throws {
        #expect(try clock.instant(GivenTime.parse(text)).rfc3339 == instant)
    }

    @Test(arguments: [
        "", "2026-13-01", "2026-02-30", "31/11/2026", "2026-12-02 24:00", "2026-12-02 9", "noon", "mo 9:30",
        "tomorrow 9:30Z", "1/2/26", "2026-12-02 09:30 ", "2026-12-02 09:30+25:00", "２026-12-02",
    ])
    func `anything else is refused`(text: String) {
        #expect(throws: (any Error).self) { try GivenTime.parse(text) }
    }

    @Test func `a time that the clock skips is refused, and a day begins when its clock does`() throws {
        #expect(throws: CommandFailure.self) { try clock.instant(GivenTime.parse("2026-10-04 02:30")) }
        let beirut = ClinicClock(zone: try TimeZoneDatabase.load("Asia/Beirut"), now: now)
        // On 2026-03-29 the clock goes from 00:00 to 01:00.
        #expect(try beirut.instant(GivenTime.parse("2026-03-29")).rfc3339 == "2026-03-28T22:00:00Z")
    }

    @Test func `what is written is read as the same instant, in every style and zone`() throws {
        for name in ["Australia/Sydney", "America/St_Johns", "Asia/Kathmandu", "UTC", "Australia/Lord_Howe"] {
            let zone = try TimeZoneDatabase.load(name)
            let clock = ClinicClock(zone: zone, now: now)
            let styles = [
                TimeStyle(zone: zone), TimeStyle(), TimeStyle(zone: zone, isISO: true),
                TimeStyle(isISO: true),
            ]
            // Half a day apart for a year, and a quarter of an hour apart around both clock changes.
            let year = now..<now + 366 * 86_400
            let changes = zone.transitions.map(\.secondsSinceEpoch).filter(year.contains)
            let moments =
                Array(stride(from: year.lowerBound, to: year.upperBound, by: 43_200))
                + changes.flatMap { Array(stride(from: $0 - 10_800, to: $0 + 10_800, by: 900)) }
            #expect(changes.count == (["UTC", "Asia/Kathmandu"].contains(name) ? 0 : 2))
            for seconds in moments {
                for style in styles {
                    let text = style.text(ProtobufTimestamp(seconds: seconds))
                    let read = try clock.instant(GivenTime.parse(text)).seconds
                    guard read == seconds else {
                        Issue.record("\(name): \(text) is \(read), not \(seconds)")
                        return
                    }
                }
            }
        }
    }

    @Test func `times are written in the clinic's zone, to the minute`() {
        let time = ProtobufTimestamp(seconds: now + 1_815, nanos: 5_000)
        #expect(TimeStyle(zone: sydney.zone).text(time) == "2026-12-01 09:30")
        #expect(TimeStyle().text(time) == "2026-11-30 22:30Z")
        #expect(TimeStyle(zone: sydney.zone, isISO: true).text(time) == "2026-12-01T09:30:15+11:00")
        #expect(TimeStyle(isISO: true).text(time) == "2026-11-30T22:30:15Z")
    }

    @Test func `every option that takes a time takes the same forms`() throws {
        for text in ["2026-12-02 09:30", "02/12/2026 09:30", "wed 9:30", "2026-12-01T22:30:00Z"] {
            let instant = ProtobufTimestamp(seconds: 1_796_164_200)
            #expect(
                try request(ListBookings.self, "booking", "list", "--from", text, "--before", text)
                    == ListBookingsRequest(
                        startFrom: instant, startBefore: instant))
            #expect(
                try request(ListAuditEvents.self, "audit", "list", "--from", text, "--before", text)
                    == ListAuditEventsRequest(eventFrom: instant, eventBefore: instant, newestFirst: true))
            #expect(
                try request(ListTimeOff.self, "time-off", "list", "--after", text)
                    == ListTimeOffRequest(endAfter: instant))
            #expect(
                try request(
                    CreateTimeOff.self, "time-off", "create", "--doctor", "3", "--from", text, "--to", text)
                    == CreateTimeOffRequest(doctorID: 3, startTime: instant, endTime: instant))
        }
        for text in ["2026-12-02", "02/12/2026", "wed"] {
            #expect(
                try request(SearchSlots.self, "slot", "search", "--doctor", "3", "--from", text, "--to", text)
                    == SearchSlotsRequest(
                        subject: .doctorID(3), firstDay: "2026-12-02", lastDay: "2026-12-02"))
            #expect(
                try request(ShowRevenue.self, "report", "revenue", "--from", text)
                    == QueryRevenueRequest(firstDay: "2026-12-02", lastDay: "2026-12-02"))
            #expect(
                try request(CreateTimeOff.self, "time-off", "create", "--doctor", "3", "--from", text)
                    == CreateTimeOffRequest(doctorID: 3, firstDay: "2026-12-02"))
        }
    }
}
