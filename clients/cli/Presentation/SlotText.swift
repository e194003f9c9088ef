// Free slots grouped by doctor and day.

internal import ClinicMessages
internal import Terminal

extension TimeOff: TableRow {
    static let columns: [Column<TimeOff>] = [
        Column("ID", detailTitle: "Time off", isNumber: true) { String($0.id) },
        Column("Doctor") { reference($0.doctor?.id, $0.doctor?.fullName) },
        .time("From") { $0.startTime },
        .time("To") { $0.endTime },
        Column("Bookings in it", isNumber: true) { String($0.displacedBookingCount) },
    ]
}

extension ListTimeOffResponse: Presentable {}

extension SearchSlotsResponse: Presentable {
    /// One line per doctor, followed by one line per day.
    func text(_ style: TextStyle) -> String {
        doctors.map { $0.text(style) }.joined(separator: "\n")
    }
}

extension DoctorSlots {
    /// How many times are printed on one line.
    private static let timesOnLine = 13

    fileprivate func text(_ style: TextStyle) -> String {
        let facts = [
            reference(doctor?.id, doctor?.fullName), "\(slotMinutes) min", MoneyText.text(consultationFee),
            slots.isEmpty ? "none free: \(label(noSlotReason).lowercased())" : "",
        ]
        var lines = wrapped(printable(facts.filter { !$0.isEmpty }.joined(separator: ", ")), to: style.width)
        var rest = slots.map { style.times.text($0.startTime) }[...]
        while let day = rest.first?.prefix(10) {
            let times = rest.prefix { $0.hasPrefix(day) }
            rest = rest.dropFirst(times.count)
            let clocks = times.map { String($0.dropFirst(11)) }
            let width = clocks.map(\.count).max().map { $0 + 1 } ?? 1
            let count = style.width.map { max(1, min(Self.timesOnLine, ($0 - 13) / width)) }
            for begin in stride(from: 0, to: clocks.count, by: count ?? Self.timesOnLine) {
                let part = clocks[begin..<min(begin + (count ?? Self.timesOnLine), clocks.count)]
                let margin = begin == 0 ? String(day) : String(repeating: " ", count: day.count)
                lines.append("  \(margin)  " + part.joined(separator: " "))
            }
        }
        if hasMore { lines.append("  and more") }
        return lines.map { $0 + "\n" }.joined()
    }
}
