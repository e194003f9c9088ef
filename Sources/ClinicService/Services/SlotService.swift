// clinic.v1.BookingService/SearchSlots. One statement reads the doctors with their busy times; the free slots are computed here.

internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import Scheduling

struct SlotService: Sendable {
    let clinic: ClinicSettings
    let slots: SlotStore
    let pageTokens: PageTokens

    /// The maximum slots per doctor and doctors per response, which limit what a request can make the server compute.
    private static let most: (slots: Int64, doctors: Int64) = (500, 20)

    func searchSlots(_ request: SearchSlotsRequest, _ call: AuthorizedCall) throws -> Query<
        SearchSlotsResponse
    > {
        let page = try ListPage(
            of: request, call, keyLength: 1, standard: Self.most.doctors, most: Self.most.doctors,
            tokens: pageTokens)
        guard request.slotsPerDoctor >= 0 else { throw Status(field: "slots_per_doctor", "is not negative") }
        let limit =
            request.slotsPerDoctor == 0 ? Self.most.slots : min(request.slotsPerDoctor, Self.most.slots)
        let search = try search(request, now: call.now)
        let calendars: Query<[DoctorCalendarRecord]>
        switch request.subject {
        case .departmentID(let id):
            calendars = slots.calendars(
                departmentID: id, over: search.period, after: page.cursor?.first ?? 0, limit: page.limit)
        case .doctorID(let id):
            calendars = slots.calendar(doctorID: id, over: search.period).map { [$0] }
        case nil:
            throw Status(field: "department_id", "or doctor_id is required")
        }
        return calendars.map { calendars in
            var localStarts = LocalStarts(clinic: clinic, isShared: calendars.count > 1)
            let answer = try page.answer(calendars, key: { [$0.doctor.id] }) { calendar in
                message(calendar, search, limit: Int(limit), &localStarts)
            }
            return SearchSlotsResponse(doctors: answer.messages, nextPageToken: answer.nextPageToken)
        }
    }

    /// The days to search; by default a week from today.
    private func search(_ request: SearchSlotsRequest, now: Instant) throws -> SlotSearch {
        var fields = FieldReader()
        let first =
            request.firstDay.isEmpty ? try clinic.day(at: now) : fields.date(request.firstDay, "first_day")
        let last = request.lastDay.isEmpty ? first?.adding(days: 6) : fields.date(request.lastDay, "last_day")
        try fields.finish()
        guard let first, let last, let search = SlotSearch(from: first, to: last, now: now, zone: clinic.zone)
        else {
            throw Status(
                field: "last_day",
                "is at most \(SlotSearch.maximumDays - 1) days after first_day, not before it")
        }
        return search
    }

    private func message(
        _ record: DoctorCalendarRecord, _ search: SlotSearch, limit: Int, _ localStarts: inout LocalStarts
    ) -> DoctorSlots {
        // A constraint of the table allows only lengths that make a grid.
        let free = SlotGrid(slotMinutes: record.slotMinutes).map { grid in
            search.freeSlots(
                of: DoctorCalendar(
                    grid: grid, hours: record.hours, weeklyHours: record.weeklyHours,
                    registrationExpiry: record.registrationExpiry, timeOff: record.timeOff, busy: record.busy),
                limit: limit)
        }
        // A constraint of the table allows only fees that have a price.
        let price = try? (record.isGSTFree ? .free : clinic.gst).price(fee: record.fee)
        return DoctorSlots(
            doctor: DoctorSummary(record.doctor, of: record.department), slotMinutes: record.slotMinutes,
            consultationFee: clinic.money(record.fee),
            slots: (free?.slots ?? []).map { slot in
                Slot(
                    startTime: ProtobufTimestamp(slot.start), endTime: ProtobufTimestamp(slot.end),
                    bookingDateTime: localStarts.text(of: slot.start))
            }, hasMore: free?.hasMore ?? false, noSlotReason: NoSlotReason(free?.obstacle),
            gst: price.map { clinic.money($0.gst) }, totalFee: price.map { clinic.money($0.total) })
    }
}

/// Caches the texts of local times in one response: the doctors of a department mostly have the same starts, and formatting each
/// was a quarter of the cost of a search.
private struct LocalStarts {
    private let clinic: ClinicSettings
    /// Nil for a single doctor, whose starts all differ.
    private var texts: [Instant: String]?

    init(clinic: ClinicSettings, isShared: Bool) {
        self.clinic = clinic
        texts = isShared ? [:] : nil
    }

    mutating func text(of start: Instant) -> String {
        if let text = texts?[start] { return text }
        let text = clinic.dateTime(start)
        texts?[start] = text
        return text
    }
}
