// The offered time of a clinic and its use. The database counts the appointments; the offered time is computed from the hours by
// the rules of Scheduling, day by day.

internal import ClinicStore
internal import Scheduling

/// The utilization of some days, by day, doctor or department.
struct UtilizationReport {
    /// One row of the report.
    struct Row {
        let key: ReportKey
        var offered: Int64 = 0
        var counts = AppointmentCounts()

        /// Whether anything was offered or booked.
        var isEmpty: Bool { offered == 0 && counts == AppointmentCounts() }
    }

    private var doctors: [Row] = []
    private var days: [Row] = []
    private(set) var total = Row(key: .total)

    init(_ utilization: ReportStore.Utilization, on days: [CivilDate], in zone: TimeZoneRules) {
        self.days = days.map { Row(key: .day($0), counts: utilization.days[$0] ?? AppointmentCounts()) }
        // Most doctors of a department share hours and slots.
        var offers: [Timetable: [Int64]] = [:]
        for doctor in utilization.doctors {
            guard let grid = SlotGrid(slotMinutes: doctor.slotMinutes) else { continue }
            let timetable = Timetable(grid: grid, hours: doctor.hours, weeklyHours: doctor.weeklyHours)
            let offer = offers[timetable] ?? days.map { timetable.offered(on: $0, in: zone) }
            offers[timetable] = offer
            let removed = doctor.removedAt.flatMap(zone.localDateTime(at:))?.date
            let away = doctor.timeOff.compactMap { zone.days(of: $0) }
            var row = Row(
                key: .doctor(doctor.doctor, department: doctor.department), counts: doctor.counts)
            for (index, day) in days.enumerated()
            where RegistrationExpiry.covers(day, expiry: doctor.registrationExpiry)
                && removed.map({ day < $0 }) ?? true
            {
                let offered =
                    away.contains { $0.contains(day) }
                    ? timetable.offered(on: day, away: doctor.timeOff, in: zone) : offer[index]
                row.offered += offered
                self.days[index].offered += offered
            }
            total.offered += row.offered
            total.counts = total.counts + row.counts
            doctors.append(row)
        }
    }

    /// The rows in order: days and departments with offered or booked time, and all doctors.
    func rows(by grouping: ReportGrouping) -> [Row] {
        switch grouping {
        case .day: return days.filter { !$0.isEmpty }
        case .doctor: return doctors
        case .department:
            var rows: [Int64: Row] = [:]
            for doctor in doctors {
                guard case .doctor(_, let department) = doctor.key else { continue }
                var row = rows[department.id] ?? Row(key: .department(department))
                row.offered += doctor.offered
                row.counts = row.counts + doctor.counts
                rows[department.id] = row
            }
            return rows.sorted { $0.key < $1.key }.map(\.value)
        }
    }
}

extension TimeZoneRules {
    /// The local days that a period touches; nil where the calendar ends.
    fileprivate func days(of period: Range<Instant>) -> ClosedRange<CivilDate>? {
        guard let first = localDateTime(at: period.lowerBound)?.date,
            let last = localDateTime(at: period.upperBound)?.date, first <= last
        else { return nil }
        return first...last
    }
}
