// The decision on an appointment's time, shared by booking, holding and rescheduling. Scheduling decides on terms whose versions
// the database checks again.

internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import Scheduling

/// A start as a request gives it.
protocol WantedTime {
    /// The instant or, if it is nil, the local time of the clinic.
    var wanted: (instant: ProtobufTimestamp?, reading: String) { get }
}

extension BookAppointmentRequest.Time: WantedTime {
    var wanted: (instant: ProtobufTimestamp?, reading: String) {
        switch self {
        case .startTime(let instant): (instant, "")
        case .bookingDateTime(let reading): (nil, reading)
        }
    }
}

extension HoldSlotRequest.Time: WantedTime {
    var wanted: (instant: ProtobufTimestamp?, reading: String) {
        switch self {
        case .startTime(let instant): (instant, "")
        case .bookingDateTime(let reading): (nil, reading)
        }
    }
}

extension RescheduleBookingRequest.Time: WantedTime {
    var wanted: (instant: ProtobufTimestamp?, reading: String) {
        switch self {
        case .startTime(let instant): (instant, "")
        case .bookingDateTime(let reading): (nil, reading)
        }
    }
}

extension ClinicSettings {
    /// The start of a request; throws INVALID_ARGUMENT if it is missing or invalid.
    func start(_ time: (some WantedTime)?) throws(Status) -> Instant {
        guard let wanted = time?.wanted else {
            throw Status(field: "start_time", "or booking_date_time is required")
        }
        if let instant = wanted.instant { return try Instant(instant, field: "start_time") }
        guard let local = LocalDateTime(parsing: wanted.reading) else { throw Status(.malformedDate) }
        do { return try zone.instant(of: local) } catch { throw Status(.skippedLocalTime) }
    }

    /// The appointment that starts at `start` on these terms; throws the status of a refusal.
    func decide(_ start: Instant, on terms: DoctorStore.Terms, now: Instant) throws -> Appointment {
        guard let grid = SlotGrid(slotMinutes: terms.slotMinutes) else { throw Status(.internalError) }
        do {
            let slot = try decideAppointment(
                start: start, now: now, grid: grid, hours: terms.hours, weeklyHours: terms.weeklyHours,
                timeOff: terms.timeOff, registrationExpiry: terms.registrationExpiry, zone: zone)
            return Appointment(
                slot: slot, price: try (terms.isGSTFree ? .free : gst).price(fee: terms.fee),
                refundUntil: refundDeadline(ofStart: slot.start), terms: terms)
        } catch let refusal as AppointmentRefusal {
            throw Status(appointment: refusal)
        }
    }
}

extension Status {
    /// The status of a refused appointment.
    fileprivate init(appointment refusal: AppointmentRefusal) {
        switch refusal {
        case .outOfWindow:
            self.init(.outOfWindow)
        case .offGrid(let minutes, let before, let after):
            self.init(
                .offGrid,
                "appointments start every \(minutes) minutes; the nearest are \(before) and \(after)",
                [("before", before.description), ("after", after.description)])
        case .closed(let day, let hours):
            self.init(
                .closed,
                hours.isClosed
                    ? "the department is closed on \(day)" : "the department is open \(hours) on \(day)",
                [("opens", hours.opens.description), ("closes", hours.closes.description)])
        case .notWorking(let day, let hours):
            let times = hours.map(\.description).joined(separator: ", ")
            self.init(
                .closed,
                times.isEmpty ? "the doctor does not work on \(day)" : "the doctor works \(times) on \(day)",
                [("hours", times)])
        case .timeOff:
            self.init(.timeOff)
        case .registrationExpired(let day, let expiry):
            self.init(
                .registrationExpired, "the doctor's registration ends on \(expiry), before \(day)",
                [("registration_expiry", expiry.description)])
        }
    }
}
