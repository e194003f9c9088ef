// Whether a start may be booked, as far as the clinic's rules say: everything that can be decided without looking at
// other bookings. The order is the order in which a person would want to hear it: not that far ahead, not at that
// minute, not when we are closed, not with this doctor.

/// Why an appointment may not start then, with the facts an answer needs.
public enum AppointmentRefusal: Error, Sendable, Hashable {
    /// The start lies in the past or more than 30 × 24 hours ahead.
    case outOfWindow
    /// The start is not on the doctor's grid; these are the nearest starts on it.
    case offGrid(slotMinutes: Int, before: LocalDateTime, after: LocalDateTime)
    /// The slot does not lie inside the department's hours of its local day.
    case closed(day: CivilDate, hours: OpeningHours)
    /// The slot does not lie inside the doctor's own hours of its local day, which are these.
    case notWorking(day: CivilDate, hours: [OpeningHours])
    /// The slot touches the doctor's time off.
    case timeOff
    /// The doctor's registration does not cover the day of the visit.
    case registrationExpired(day: CivilDate, expiry: CivilDate)
}

/// The slot that starts then, or why it may not be booked.
///
/// - Parameters:
///   - start: the wanted start.
///   - now: the moment of the request.
///   - grid: the doctor's slot length.
///   - hours: the department's hours.
///   - weeklyHours: the doctor's own hours.
///   - timeOff: when the doctor is away, as far as it could touch the slot.
///   - registrationExpiry: the last day of the doctor's registration.
///   - zone: the clinic's time zone.
public func decideAppointment(
    start: Instant, now: Instant, grid: SlotGrid, hours: OpeningHours,
    weeklyHours: WeeklyHours = .asDepartment, timeOff: [Range<Instant>] = [], registrationExpiry: CivilDate,
    zone: TimeZoneRules
) throws(AppointmentRefusal) -> AppointmentSlot {
    // A moment the calendar cannot name is as far out of the window as one can be.
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
