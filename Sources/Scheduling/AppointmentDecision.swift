// Checks a requested start against every rule that does not depend on other bookings. The checks run in the order
// most useful to the caller: booking window, slot grid, opening hours, then the doctor.

/// Why an appointment cannot start at the requested time, with the facts for the error message.
public enum AppointmentRefusal: Error, Sendable, Hashable {
    /// The start lies in the past or more than 30 × 24 hours ahead.
    case outOfWindow
    /// The start is not on the doctor's grid; these are the nearest starts on it.
    case offGrid(slotMinutes: Int, before: LocalDateTime, after: LocalDateTime)
    /// The slot is outside the department's opening hours on its local day.
    case closed(day: CivilDate, hours: OpeningHours)
    /// The slot is outside the doctor's own hours on its local day; `hours` are those hours.
    case notWorking(day: CivilDate, hours: [OpeningHours])
    /// The slot overlaps the doctor's time off.
    case timeOff
    /// The doctor's registration does not cover the day of the visit.
    case registrationExpired(day: CivilDate, expiry: CivilDate)
}

/// Returns the slot that begins at `start`, or throws the first rule that forbids it.
///
/// - Parameters:
///   - start: the requested start.
///   - now: the time of the request.
///   - grid: the doctor's slot length.
///   - hours: the department's opening hours.
///   - weeklyHours: the doctor's own hours.
///   - timeOff: the doctor's absences; at least those that can overlap the slot.
///   - registrationExpiry: the last day of the doctor's registration.
///   - zone: the clinic's time zone.
public func decideAppointment(
    start: Instant, now: Instant, grid: SlotGrid, hours: OpeningHours,
    weeklyHours: WeeklyHours = .sameAsDepartment, timeOff: [Range<Instant>] = [],
    registrationExpiry: CivilDate,
    zone: TimeZoneRules
) throws(AppointmentRefusal) -> AppointmentSlot {
    // An instant outside the calendar is outside the booking window too.
    guard BookingWindow.contains(start, now: now), let day = zone.localDateTime(at: start)?.date else {
        throw .outOfWindow
    }
    guard let slot = grid.slot(startingAt: start, in: zone) else {
        guard let before = grid.start(before: start, in: zone).flatMap(zone.localDateTime(at:)),
            let after = grid.start(after: start, in: zone).flatMap(zone.localDateTime(at:))
        else { throw .outOfWindow }
        throw .offGrid(slotMinutes: grid.slotMinutes, before: before, after: after)
    }
    guard let open = hours.period(on: day, in: zone),
        open.lowerBound <= slot.start, slot.end <= open.upperBound
    else { throw .closed(day: day, hours: hours) }
    let working = weeklyHours.hours(on: day, within: hours)
    let isWorking = working.contains { hours in
        guard let open = hours.period(on: day, in: zone) else { return false }
        return open.lowerBound <= slot.start && slot.end <= open.upperBound
    }
    guard isWorking else { throw .notWorking(day: day, hours: working) }
    if timeOff.contains(where: { $0.lowerBound < slot.end && slot.start < $0.upperBound }) { throw .timeOff }
    guard RegistrationExpiry.covers(day, expiry: registrationExpiry) else {
        throw .registrationExpired(day: day, expiry: registrationExpiry)
    }
    return slot
}
