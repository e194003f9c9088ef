// The bookings of an old database. Nothing kept two of them from one time of a doctor or of a patient, so the times are
// given out here: to those that were paid first, then by id. Whoever comes too late comes as cancelled.

internal import ClinicService
internal import ClinicStore
internal import Scheduling

/// The bookings with their payments.
struct ImportedVisits {
    private(set) var bookings: [PastBooking] = []
    /// The ids of all bookings that came.
    private(set) var ids: Set<Int64> = []

    private let rules: LegacyImport
    private let people: ImportedPeople
    private let directory: ImportedDirectory
    private let payments: ImportedPayments

    init(
        _ rules: LegacyImport, _ people: ImportedPeople, _ directory: ImportedDirectory,
        _ payments: ImportedPayments
    ) {
        self.rules = rules
        self.people = people
        self.directory = directory
        self.payments = payments
    }

    /// A booking that will come.
    private struct Candidate {
        let row: LegacyRows.Booking
        let doctor, patient: Int
        let slot: AppointmentSlot
        let payments: [ImportedPayments.Payment]
        var status: BookingStatus

        var isPaid: Bool { payments.contains(where: \.isLive) }
        var takesTime: Bool { status.occupiesTime || status == .completed }
    }

    mutating func make(_ rows: [LegacyRows.Booking], _ report: inout ImportReport) throws {
        var candidates: [Candidate] = []
        candidates.reserveCapacity(rows.count)
        for row in rows {
            if let candidate = candidate(row, &report) { candidates.append(candidate) }
        }
        giveOutTimes(to: &candidates, &report)
        for candidate in candidates {
            ids.insert(candidate.row.id)
            try add(candidate, &report)
        }
    }

    private func candidate(_ row: LegacyRows.Booking, _ report: inout ImportReport) -> Candidate? {
        func leaveOut(_ reason: String, _ explanation: String) -> Candidate? {
            report.add(.booking, row.id, .leftOut, reason, explanation)
            return nil
        }
        guard row.id > 0 else { return leaveOut("ID_NOT_ALLOWED", "ids are above 0") }
        guard let patient = row.userID.flatMap({ people.places[$0] }) else {
            return leaveOut("USER_NOT_FOUND", "there is no such patient")
        }
        guard let doctor = row.doctorID.flatMap({ directory.doctorPlaces[$0] }) else {
            return leaveOut("DOCTOR_NOT_FOUND", "there is no such doctor")
        }
        guard let start = start(of: row, &report),
            let end = start.adding(seconds: Int64(rules.grid.slotMinutes) * 60)
        else { return leaveOut("TIME_NOT_ALLOWED", "there is no time that could be meant") }
        let slot = AppointmentSlot(start: start, end: end)
        let paid = payments.ofBooking[row.id] ?? []
        let (meaning, isKnown) = LegacyStatus.reading(row.status)
        let isPaid = paid.contains(where: \.isLive)
        let candidate = Candidate(
            row: row, doctor: doctor, patient: patient, slot: slot, payments: paid,
            status: meaning.status(isOver: end <= rules.now, isPaid: isPaid))
        if !isKnown {
            report.add(
                .booking, row.id, .changed, "STATUS_NOT_KNOWN",
                "its status is missing or not known; it is \(candidate.status.rawValue) now")
        }
        explain(candidate, meaning, &report)
        return candidate
    }

    /// What the status now differs in from what the old row said.
    private func explain(_ candidate: Candidate, _ meaning: LegacyStatus, _ report: inout ImportReport) {
        let (id, status) = (candidate.row.id, candidate.status)
        if LegacyStatus.saysPaid(candidate.row.status) && !candidate.isPaid {
            report.add(
                .booking, id, .changed, "PAYMENT_MISSING",
                "it says that it is paid, but no payment of it is left; it is \(status.rawValue) now")
        }
        if meaning == .cancelled && candidate.isPaid {
            report.add(
                .booking, id, .noted, "PAYMENT_OF_CANCELLED",
                "it is cancelled, and its payment was not given back")
        }
        guard status.occupiesTime else { return }
        if meaning != .open {
            report.add(
                .booking, id, .changed, "STATUS_BEFORE_ITS_TIME",
                "it says how the visit went, but the visit is still ahead; it is \(status.rawValue) now")
        }
        if rules.grid.slot(startingAt: candidate.slot.start, in: rules.settings.zone) == nil {
            report.add(.booking, id, .noted, "OFF_GRID", "it does not begin on the doctor's grid; it stays")
        }
        if !isWithinHours(candidate) {
            report.add(
                .booking, id, .noted, "OUT_OF_HOURS", "the department is not open at its time; it stays")
        }
    }

    private func isWithinHours(_ candidate: Candidate) -> Bool {
        let zone = rules.settings.zone
        guard let day = zone.localDateTime(at: candidate.slot.start)?.date,
            let open = directory.hours(ofDoctor: candidate.doctor).period(on: day, in: zone)
        else { return false }
        return open.lowerBound <= candidate.slot.start && candidate.slot.end <= open.upperBound
    }

    /// The instant of a local time: of two the earlier, and the end of the gap for one that a change of the clock skips.
    private func start(of row: LegacyRows.Booking, _ report: inout ImportReport) -> Instant? {
        guard let local = row.dateTime.flatMap(LocalDateTime.init(parsing:)) else { return nil }
        switch rules.settings.zone.resolve(local) {
        case .unique(let instant): return instant
        case .ambiguous(let earlier, _):
            report.add(
                .booking, row.id, .noted, "LOCAL_TIME_TWICE",
                "the clock shows its time twice on that day; it is the earlier of the two")
            return earlier
        case .skipped(let change):
            report.add(
                .booking, row.id, .changed, "LOCAL_TIME_SKIPPED",
                "the clock never shows its time; it begins when the clock was put forward")
            return change
        }
    }

    // MARK: - Times

    /// The times of one person that are taken, by start; none of them overlap.
    private struct TakenTimes {
        private var slots: [(slot: AppointmentSlot, booking: Int64)] = []

        /// Where a slot would stand.
        private func place(of slot: AppointmentSlot) -> Int {
            var (low, high) = (0, slots.count)
            while low < high {
                let middle = (low + high) / 2
                if slots[middle].slot.start < slot.start { low = middle + 1 } else { high = middle }
            }
            return low
        }

        /// The booking in the way of a slot.
        func booking(overlapping slot: AppointmentSlot) -> Int64? {
            let place = place(of: slot)
            if place > 0, slots[place - 1].slot.end > slot.start { return slots[place - 1].booking }
            if place < slots.count, slots[place].slot.start < slot.end { return slots[place].booking }
            return nil
        }

        mutating func take(_ slot: AppointmentSlot, _ booking: Int64) {
            slots.insert((slot, booking), at: place(of: slot))
        }
    }

    private func giveOutTimes(to candidates: inout [Candidate], _ report: inout ImportReport) {
        var (doctors, patients): ([Int: TakenTimes], [Int: TakenTimes]) = ([:], [:])
        let order = candidates.indices.filter { candidates[$0].takesTime }.sorted {
            let (one, other) = (candidates[$0], candidates[$1])
            if one.isPaid != other.isPaid { return one.isPaid }
            return one.row.id < other.row.id
        }
        for place in order {
            let candidate = candidates[place]
            let id = candidate.row.id
            if let other = doctors[candidate.doctor]?.booking(overlapping: candidate.slot) {
                cancel(&candidates[place], "DOCTOR_DOUBLE_BOOKED", "the doctor has booking \(other)", &report)
            } else if let other = patients[candidate.patient]?.booking(overlapping: candidate.slot) {
                cancel(&candidates[place], "PATIENT_BUSY", "the patient has booking \(other)", &report)
            } else {
                doctors[candidate.doctor, default: TakenTimes()].take(candidate.slot, id)
                patients[candidate.patient, default: TakenTimes()].take(candidate.slot, id)
            }
        }
    }

    private func cancel(
        _ candidate: inout Candidate, _ reason: String, _ why: String, _ report: inout ImportReport
    ) {
        candidate.status = .cancelled
        report.add(
            .booking, candidate.row.id, .changed, reason,
            "\(why) at its time; it is CANCELLED now"
                + (candidate.isPaid ? ", and its payment was not given back" : ""))
    }

    // MARK: - Bookings and their payments

    private mutating func add(_ candidate: Candidate, _ report: inout ImportReport) throws {
        // A booking has one live payment at most, of its own price.
        let first =
            candidate.payments.firstIndex(where: \.isLive) ?? candidate.payments.indices.first
        let payment = first.map { candidate.payments[$0] }
        let fee = directory.doctors[candidate.doctor].draft.fee
        let price = try payment?.price ?? rules.settings.gst.price(fee: fee)
        bookings.append(
            try booking(candidate, id: candidate.row.id, price, payment, candidate.status, &report))
        for (place, other) in candidate.payments.enumerated() where place != first {
            report.add(
                .transaction, other.id, .changed, "SECOND_PAYMENT",
                "booking \(candidate.row.id) has another payment; this one is of a cancelled copy of the booking"
                    + (other.isLive ? " and can be given back there" : ""))
            bookings.append(try booking(candidate, id: nil, other.price, other, .cancelled, &report))
        }
    }

    private func booking(
        _ candidate: Candidate, id: Int64?, _ price: Price, _ payment: ImportedPayments.Payment?,
        _ status: BookingStatus, _ report: inout ImportReport
    ) throws -> PastBooking {
        let start = candidate.slot.start
        var booking = PastBooking(
            doctor: candidate.doctor, patient: candidate.patient, slot: candidate.slot, price: price,
            refundUntil: start.adding(seconds: -rules.settings.fullRefundBefore) ?? start, at: rules.now)
        booking.id = id
        if let payment {
            try booking.pay(at: rules.now)
            booking.transactionID = payment.id
            report.after.paid += price.total
            if payment.refunded > 0 {
                try booking.refund(payment.isLive ? payment.refunded : nil, at: rules.now)
                report.after.refunded += payment.refunded
            }
        }
        booking.become(status, at: rules.now)
        return booking
    }
}
