// Free slots grouped by doctor and day.

internal import ClinicMessages
internal import Terminal

extension TimeOff: TableRow {
    static let columns: [Column<TimeOff>] = [
        Column("ID", detailTitle: "Time off", isNumber: true) { String($0.id) },
        Column("Doctor") { reference($0.doctor?.id, $0.doctor?.fullName) },
        Column("From, UTC") { $0.startTime?.rfc3339 ?? "" },
        Column("To, UTC") { $0.endTime?.rfc3339 ?? "" },
        Column("Bookings in it", isNumber: true) { String($0.conflictingBookings) },
    ]
}

extension ListTimeOffResponse: Presentable {}

extension SearchSlotsResponse: Presentable {
    /// One line per doctor, followed by one line per day.
    var text: String { doctors.map(\.text).joined(separator: "\n") }
}

extension DoctorSlots {
    /// How many times are printed on one line.
    private static let timesOnLine = 13

    fileprivate var text: String {
        let facts = [
            reference(doctor?.id, doctor?.fullName), "\(slotMinutes) min", MoneyText.text(consultationFee),
            slots.isEmpty ? "none free: \(label(noSlotReason).lowercased())" : "",
        ]
        var lines = [facts.filter { !$0.isEmpty }.joined(separator: ", ")]
        var rest = slots.map { clinicTime($0.bookingDateTime) }[...]
        while let day = rest.first?.prefix(10) {
            let times = rest.prefix { $0.hasPrefix(day) }
            rest = rest.dropFirst(times.count)
            for begin in stride(from: times.startIndex, to: times.endIndex, by: Self.timesOnLine) {
                let part = times[begin..<min(begin + Self.timesOnLine, times.endIndex)]
                let margin =
                    begin == times.startIndex ? String(day) : String(repeating: " ", count: day.count)
                lines.append("  \(margin)  " + part.map { String($0.dropFirst(11)) }.joined(separator: " "))
            }
        }
        if hasMore { lines.append("  and more") }
        return lines.map { printable($0) + "\n" }.joined()
    }
}
