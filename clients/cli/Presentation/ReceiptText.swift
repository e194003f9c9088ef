// A printed receipt: what was charged, its tax, what was refunded, and the balance.

internal import ClinicMessages
internal import Terminal

extension Receipt: Presentable {
    private static let width = 60

    /// Lines of equal width with right-aligned amounts. The last one is what is left of the payment, or is owed.
    func text(_ style: TextStyle) -> String {
        let paid = paymentTime.map { style.times.text($0) } ?? style.local(paymentDateTime)
        let appointment =
            transaction?.booking?.startTime.map { style.times.text($0) }
            ?? style.local(transaction?.booking?.bookingDateTime ?? "")
        var lines = [Self.line("RECEIPT", receiptNumber), ""]
        lines += Self.facts([
            ("Paid", paid + (timeZone.isEmpty || style.times.zone == nil ? "" : " (\(timeZone))")),
            ("Patient", user.map { name($0.firstName, $0.lastName) } ?? ""),
            ("Doctor", doctor?.fullName ?? ""),
            ("Department", doctor?.department?.departmentName ?? ""),
            ("Appointment", appointment),
            ("Booking", transaction?.booking.map { String($0.id) } ?? ""),
            ("Transaction", transaction.map { String($0.id) } ?? ""),
        ])
        lines.append(Self.rule)
        for charge in self.lines { lines.append(Self.line(charge.description, MoneyText.text(charge.fee))) }
        lines.append(Self.line("GST", MoneyText.text(transaction?.gst)))
        lines.append(Self.rule)
        lines.append(Self.line("TOTAL", MoneyText.text(transaction?.totalFee)))
        if !refunds.isEmpty { lines.append("") }
        for refund in refunds {
            let time = refund.refundTime.map { style.times.text($0) } ?? style.local(refund.refundDateTime)
            lines.append(Self.line("Refund \(refund.refundNumber), \(time)", Self.negated(refund.amount)))
            lines.append(Self.line("  of it GST", Self.negated(refund.gst)))
        }
        lines.append(Self.rule)
        lines.append(Self.line(remainder, MoneyText.text(balance)))
        return lines.map { $0 + "\n" }.joined()
    }

    /// What the last amount is: a pending payment is owed, any other is what the clinic keeps.
    private var remainder: String {
        switch transaction?.status {
        case .pending, .failed: "OWED"
        default: refunds.isEmpty ? "PAID" : "LEFT AFTER REFUNDS"
        }
    }

    private static var rule: String { String(repeating: "-", count: width) }

    /// The negated amount.
    private static func negated(_ money: Money?) -> String {
        money.map { MoneyText.text(Money(minorUnits: 0 &- $0.minorUnits, currencyCode: $0.currencyCode)) }
            ?? ""
    }

    private static func facts(_ facts: [(title: String, value: String)]) -> [String] {
        let rows = facts.filter { !$0.value.isEmpty }.map { [$0.title, printable($0.value)] }
        return rows.isEmpty ? [] : [String(DetailText(rows: rows, width: width).text.dropLast())]
    }

    /// A text with a right-aligned amount, which goes on a line of its own if the text is too long.
    private static func line(_ text: String, _ amount: String) -> String {
        let text = printable(text)
        var lines = wrapped(text, to: width)
        let last = lines[lines.count - 1]
        let space = width - displayWidth(last) - displayWidth(amount)
        if space >= 2 {
            lines[lines.count - 1] = last + String(repeating: " ", count: space) + amount
        } else {
            lines.append(String(repeating: " ", count: max(0, width - displayWidth(amount))) + amount)
        }
        return lines.joined(separator: "\n")
    }
}
