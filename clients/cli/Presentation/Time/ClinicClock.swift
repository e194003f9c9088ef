// Turns days and times as they were typed into what requests contain.

internal import ClinicMessages
internal import Scheduling

/// The clinic's calendar and the present moment.
struct ClinicClock: Sendable {
    /// The clinic's time zone; nil if the server did not tell it.
    let zone: TimeZoneRules?
    /// Seconds since 1970.
    let now: Int64

    /// The instant of a time, or the first instant of a day.
    func instant(_ time: GivenTime) throws(CommandFailure) -> ProtobufTimestamp {
        switch time {
        case .instant(let instant): return instant
        case .day(let day):
            return ProtobufTimestamp(seconds: try first(of: try date(of: day)))
        case .local(let day, let secondOfDay):
            let local = try local(date(of: day, secondOfDay), secondOfDay)
            let zone = try knownZone()
            do throws(LocalTimeError) {
                return ProtobufTimestamp(seconds: try zone.instant(of: local).secondsSinceEpoch)
            } catch {
                throw CommandFailure(
                    "the clock is set forward over \(local.date) \(clock(secondOfDay)); choose another time",
                    .usage)
            }
        }
    }

    /// A day as `2026-12-02`.
    func day(_ time: GivenTime) throws(CommandFailure) -> String { try date(time).description }

    /// A day of the calendar.
    func date(_ time: GivenTime) throws(CommandFailure) -> CivilDate {
        guard case .day(let day) = time else {
            throw CommandFailure("a day is needed here, without a time, such as 2026-12-02 or today", .usage)
        }
        return try date(of: day)
    }

    /// A time of day as `dd/mm/yyyy hh:mm:ss`, which the server reads in its time zone.
    func localText(_ day: GivenDay, _ secondOfDay: Int) throws(CommandFailure) -> String {
        let date = try date(of: day, secondOfDay)
        return "\(padded(date.day))/\(padded(date.month))/\(padded(date.year, 4)) "
            + "\(clock(secondOfDay)):\(padded(secondOfDay % 60))"
    }

    /// - Parameter secondOfDay: a weekday is the present day only until this time.
    private func date(of day: GivenDay, _ secondOfDay: Int? = nil) throws(CommandFailure) -> CivilDate {
        if case .date(let date) = day { return date }
        let zone = try knownZone()
        guard let instant = Instant(secondsSinceEpoch: now), let present = zone.localDateTime(at: instant)
        else { throw CommandFailure("the clock of this machine is wrong") }
        var daysAhead: Int64 =
            switch day {
            case .date: 0
            case .daysAhead(let days): days
            // 1970-01-01 was a Thursday, 3.
            case .weekday(let weekday): (weekday + 7 - (present.date.daysSinceEpoch + 3) % 7) % 7
            }
        if case .weekday = day, daysAhead == 0, let secondOfDay, secondOfDay <= present.secondOfDay {
            daysAhead = 7
        }
        guard let date = present.date.adding(days: daysAhead) else {
            throw CommandFailure("the clock of this machine is wrong")
        }
        return date
    }

    /// The first second of a day, which does not begin at midnight if a clock change skips that.
    private func first(of date: CivilDate) throws(CommandFailure) -> Int64 {
        switch try knownZone().resolve(try local(date, 0)) {
        case .unique(let instant), .ambiguous(earlier: let instant, later: _),
            .skipped(changeAt: let instant):
            instant.secondsSinceEpoch
        }
    }

    private func local(_ date: CivilDate, _ secondOfDay: Int) throws(CommandFailure) -> LocalDateTime {
        guard let local = LocalDateTime(date: date, secondOfDay: secondOfDay) else {
            throw CommandFailure("there is no such time", .usage)
        }
        return local
    }

    private func knownZone() throws(CommandFailure) -> TimeZoneRules {
        guard let zone else {
            throw CommandFailure(
                "the clinic's time zone is not known here; give an instant such as 2026-12-02T09:30:00+11:00",
                .usage)
        }
        return zone
    }

    private func clock(_ secondOfDay: Int) -> String {
        "\(padded(secondOfDay / 3600)):\(padded(secondOfDay / 60 % 60))"
    }
}

/// A number with leading zeros.
func padded(_ number: Int, _ count: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, count - digits.count)) + digits
}
