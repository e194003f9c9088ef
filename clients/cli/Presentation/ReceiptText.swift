// A printed receipt: what was charged, its tax, what was refunded, and the balance.

internal import ClinicMessages
internal import Terminal

extension Receipt: Presentable {
    private static let width = 60

    /// Lines of equal width with right-aligned amounts.
    var text: String {
        var lines = [Self.line("RECEIPT", receiptNumber), ""]
        lines += Self.facts([
            ("Paid", [paymentDateTime, timeZone.isEmpty ? "" : "(\(timeZone))"].joined(separator: " ")),
            ("Patient", user.map { name($0.firstName, $0.lastName) } ?? ""),
            ("Doctor", doctor?.fullName ?? ""),
            ("Department", doctor?.department?.departmentName ?? ""),
            ("Appointment", transaction?.booking?.bookingDateTime ?? ""),
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
            lines.append(
                Self.line(
                    "Refund \(refund.refundNumber), \(refund.refundDateTime)", Self.negated(refund.amount))
            )
            lines.append(Self.line("  of it GST", Self.negated(refund.gst)))
        }
        lines.append(Self.rule)
        lines.append(
            Self.line("\(label(transaction?.status ?? .unspecified).uppercased())", MoneyText.text(balance)))
        return lines.map { $0 + "\n" }.joined()
    }

    private static var rule: String { String(repeating: "-", count: width) }

    /// The negated amount.
    private static func negated(_ money: Money?) -> String {
        money.map { MoneyText.text(Money(minorUnits: 0 &- $0.minorUnits, currencyCode: $0.currencyCode)) }
            ?? ""
    }

    private static func facts(_ facts: [(title: String, value: String)]) -> [String] {
        facts.filter { !$0.value.isEmpty }.map { fact in
            fact.title + String(repeating: " ", count: max(1, 13 - fact.title.count)) + printable(fact.value)
        }
    }

    /// A text with a right-aligned amount, which goes on a second line if the text is too long.
    private static func line(_ text: String, _ amount: String) -> String {
        let text = printable(text)
        let space = width - displayWidth(text) - displayWidth(amount)
        if space >= 2 { return text + String(repeating: " ", count: space) + amount }
        return text + "\n" + String(repeating: " ", count: max(0, width - displayWidth(amount))) + amount
    }
}
