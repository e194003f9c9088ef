// The visits of the demo's patients, decided by the same rules of Scheduling as real ones. The random numbers have a fixed
// seed and are drawn in the same order at any time of day; what would happen later than now is left out.

internal import ClinicService
internal import ClinicStore
internal import Scheduling

/// Makes the bookings of an invented clinic.
struct DemoVisits {
    private let settings: ClinicSettings
    private let now: Instant
    private let doctors: [ClinicHistory.Doctor]
    private let hours: [OpeningHours]
    private var chance = Chance()
    /// When each patient signed up, by place.
    private(set) var signUps: [Instant] = []
    /// A patient sees at most one doctor a day.
    private var seen: Set<PatientDay> = []

    private struct PatientDay: Hashable {
        let patient: Int
        let day: CivilDate
    }

    /// The number of patients who signed up on the first day.
    private static let firstPatients = 240
    /// The number of patients among them who come often.
    static let regulars = 60

    init(of clinic: DemoClinic, doctors: [ClinicHistory.Doctor], hours: [OpeningHours]) {
        settings = clinic.settings
        now = clinic.now
        self.doctors = doctors
        self.hours = hours
    }

    /// The bookings of a range of days that are made before now, ordered by when they were made.
    mutating func make(from first: CivilDate, to last: CivilDate, opening: Instant) throws -> [PastBooking] {
        signUps = Array(repeating: opening, count: Self.firstPatients)
        var bookings: [PastBooking] = []
        var day = first
        while day <= last {
            for doctor in doctors.indices { bookings += try visits(to: doctor, on: day) }
            guard let next = day.adding(days: 1) else { break }
            day = next
        }
        return bookings.sorted { $0.bookedAt < $1.bookedAt }
    }

    private mutating func visits(to doctor: Int, on day: CivilDate) throws -> [PastBooking] {
        let draft = doctors[doctor].draft
        guard let grid = SlotGrid(slotMinutes: draft.slotMinutes) else { return [] }
        var slots: [AppointmentSlot] = []
        for hours in doctors[doctor].weeklyHours.hours(on: day, within: hours[Int(draft.departmentID)]) {
            guard let open = hours.period(on: day, in: settings.zone) else { continue }
            grid.forEachSlot(of: day, within: open, in: settings.zone) { slot in
                slots.append(slot)
                return true
            }
        }
        // Demand is highest on Mondays and lowest on Sundays, and differs between doctors.
        let demand: Int =
            switch day.weekday {
            case .monday: 82
            case .tuesday, .wednesday: 76
            case .thursday: 72
            case .friday: 64
            case .saturday: 58
            case .sunday: 45
            }
        let popularity = doctor * 7 % 25
        var bookings: [PastBooking] = []
        for slot in slots where chance.happens(demand - popularity, of: 100) {
            if let booking = try visit(to: doctor, on: day, in: slot) { bookings.append(booking) }
        }
        return bookings
    }

    /// A booking of a slot with its later changes; nil if it would be made later than now or the rules refuse it.
    private mutating func visit(
        to doctor: Int, on day: CivilDate, in slot: AppointmentSlot
    ) throws -> PastBooking? {
        let course = chance.course()
        let lead = chance.happens(45, of: 100) ? chance.number(1...6) : chance.number(7...27)
        let (minute, second) = (chance.number(480...1_200), chance.number(0...59))
        let (part, complaint) = (chance.number(5...99), chance.number(0...199))
        let patient = chance.patient(of: signUps.count)
        let paysAhead = chance.happens(course == .comes ? 55 : 30, of: 100)
        let paysAfter = chance.happens(86, of: 100)

        let draft = doctors[doctor].draft
        guard let bookingDay = day.adding(days: -lead), let minute = MinuteOfDay(minutes: minute),
            let bookedAt = settings.zone.moment(minute, on: bookingDay)?.adding(seconds: second),
            bookedAt <= now, seen.insert(PatientDay(patient: patient, day: day)).inserted,
            let grid = SlotGrid(slotMinutes: draft.slotMinutes)
        else { return nil }
        do {
            _ = try decideAppointment(
                start: slot.start, now: bookedAt, grid: grid, hours: hours[Int(draft.departmentID)],
                weeklyHours: doctors[doctor].weeklyHours, timeOff: doctors[doctor].timeOff,
                registrationExpiry: draft.registrationExpiry, zone: settings.zone)
        } catch { return nil }
        try signUp(patient, before: bookedAt)

        var booking = PastBooking(
            doctor: doctor, patient: patient, slot: slot,
            price: try (draft.isGSTFree ? .free : settings.gst).price(fee: draft.fee),
            refundUntil: slot.start.adding(seconds: -settings.fullRefundBefore) ?? slot.start, at: bookedAt)
        if paysAhead { try step(bookedAt, 90 + 6 * part) { try booking.pay(at: $0) } }
        switch course {
        case .cancels, .isCancelled:
            let ahead = slot.start.secondsSinceEpoch - bookedAt.secondsSinceEpoch
            try step(bookedAt, ahead * part / 100) {
                let actor: BookingActor = course == .cancels ? .owner : .staff
                try booking.move(
                    on: conditions(.cancelled, actor, $0), isOwn: actor == .owner, at: $0)
            }
        case .staysAway:
            try step(slot.end, 6 * part) {
                try booking.move(on: conditions(.noShow, .staff, $0), isOwn: false, at: $0)
            }
        case .comes:
            try step(slot.start, -6 * part) {
                try booking.move(on: conditions(.arrived, .staff, $0), isOwn: false, at: $0)
            }
            try step(slot.end, 0) {
                try booking.move(on: conditions(.completed, .staff, $0), isOwn: false, at: $0)
            }
            if !paysAhead && paysAfter { try step(slot.end, 60 + 3 * part) { try booking.pay(at: $0) } }
            if (paysAhead || paysAfter) && complaint < 6 {
                try giveBack(complaint, part, after: slot.end, of: &booking)
            }
        }
        return booking
    }

    /// Refunds the whole payment or a part of it a day later, and for some bookings another part after that.
    private func giveBack(
        _ complaint: Int64, _ part: Int64, after end: Instant, of booking: inout PastBooking
    ) throws {
        let amount = booking.price.total * (10 + part / 3) / 100
        try step(end, 86_400) { try booking.refund(complaint == 0 ? nil : amount, at: $0) }
        if complaint == 1 { try step(end, 2 * 86_400 + part) { try booking.refund(amount, at: $0) } }
    }

    /// Runs the body with the time that many seconds after a moment, unless that time is in the future.
    private func step(_ moment: Instant, _ seconds: Int64, _ body: (Instant) throws -> Void) throws {
        guard let then = moment.adding(seconds: seconds) else { throw DemoCalendarError() }
        if then <= now { try body(then) }
    }

    private func conditions(
        _ target: BookingStatus, _ actor: BookingActor, _ moment: Instant
    ) throws -> StatusChangeConditions {
        try StatusChangeConditions(
            movingTo: target, by: actor, now: moment, zone: settings.zone)
    }

    /// Lets a patient sign up ten minutes before the first booking.
    private mutating func signUp(_ patient: Int, before bookedAt: Instant) throws {
        guard let moment = bookedAt.adding(seconds: -600) else { throw DemoCalendarError() }
        if patient == signUps.count { signUps.append(moment) }
        signUps[patient] = min(signUps[patient], moment)
    }
}

/// How an appointment ends.
private enum Course {
    case comes, staysAway, cancels, isCancelled
}

/// The random number generator SplitMix64 with a fixed seed.
private struct Chance: RandomNumberGenerator {
    private var state: UInt64 = 20_261_124

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func number(_ range: ClosedRange<Int64>) -> Int64 { .random(in: range, using: &self) }

    mutating func happens(_ times: Int, of all: Int) -> Bool { Int.random(in: 0..<all, using: &self) < times }

    mutating func course() -> Course {
        switch number(0...99) {
        case 0..<7: .staysAway
        case 7..<16: .cancels
        case 16..<18: .isCancelled
        default: .comes
        }
    }

    /// One visit in five is by a regular patient, and some are by a new one.
    mutating func patient(of count: Int) -> Int {
        switch number(0...99) {
        case 0..<20: Int.random(in: 0..<DemoVisits.regulars, using: &self)
        case 20..<26 where count < DemoClinic.patientLimit: count
        default: Int.random(in: 0..<count, using: &self)
        }
    }
}
