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

/// A start, and the field of the request that gives it.
struct WantedStart: Sendable {
    let instant: Instant
    let field: String
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
    func start(_ time: (some WantedTime)?) throws(Status) -> WantedStart {
        guard let wanted = time?.wanted else {
            throw Status(field: "start_time", "or booking_date_time is required")
        }
        if let instant = wanted.instant {
            return WantedStart(instant: try Instant(instant, field: "start_time"), field: "start_time")
        }
        let field = "booking_date_time"
        guard let local = LocalDateTime(parsing: wanted.reading) else {
            throw Status(.malformedDate, field: field)
        }
        do {
            return WantedStart(instant: try zone.instant(of: local), field: field)
        } catch {
            throw Status(.skippedLocalTime, field: field)
        }
    }

    /// The appointment that starts then on these terms; throws the status of a refusal.
    func decide(_ wanted: WantedStart, on terms: DoctorStore.Terms, now: Instant) throws -> Appointment {
        let start = wanted.instant
        guard let grid = SlotGrid(slotMinutes: terms.slotMinutes) else { throw Status(.internalError) }
        do {
            let slot = try decideAppointment(
                start: start, now: now, grid: grid, hours: terms.hours, weeklyHours: terms.weeklyHours,
                timeOff: terms.timeOff, registrationExpiry: terms.registrationExpiry, zone: zone)
            return Appointment(
                slot: slot, price: try (terms.isGSTFree ? .free : gst).price(fee: terms.fee),
                refundUntil: refundDeadline(ofStart: slot.start), terms: terms)
        } catch let refusal as AppointmentRefusal {
            throw Status(appointment: refusal, field: wanted.field)
        }
    }
}

extension Status {
    /// The status of a refused appointment.
    fileprivate init(appointment refusal: AppointmentRefusal, field: String) {
        switch refusal {
        case .outOfWindow:
            self.init(.outOfWindow, field: field)
        case .offGrid(let minutes, let before, let after):
            self.init(
                .offGrid, field: field,
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
