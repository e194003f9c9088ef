// A receipt as it is handed over the counter: what was charged, the tax in it, what was given back, what was kept.

internal import ClinicMessages
internal import Terminal

extension Receipt: Presentable {
    private static let width = 60

    /// Lines of one width, the amounts at their end.
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
                Self.line("Refund \(refund.refundNumber), \(refund.refundDateTime)", Self.less(refund.amount))
            )
            lines.append(Self.line("  of it GST", Self.less(refund.gst)))
        }
        lines.append(Self.rule)
        lines.append(
            Self.line("\(label(transaction?.status ?? .unspecified).uppercased())", MoneyText.text(balance)))
        return lines.map { $0 + "\n" }.joined()
    }

    private static var rule: String { String(repeating: "-", count: width) }

    /// What was given back, as an amount below 0.
    private static func less(_ money: Money?) -> String {
        money.map { MoneyText.text(Money(minorUnits: 0 &- $0.minorUnits, currencyCode: $0.currencyCode)) }
            ?? ""
    }

    private static func facts(_ facts: [(title: String, value: String)]) -> [String] {
        facts.filter { !$0.value.isEmpty }.map { fact in
            fact.title + String(repeating: " ", count: max(1, 13 - fact.title.count)) + printable(fact.value)
        }
    }

    /// A text and an amount at the end of the line; of a text that is too long, the amount stands on the next.
    private static func line(_ text: String, _ amount: String) -> String {
        let text = printable(text)
        let space = width - displayWidth(text) - displayWidth(amount)
        if space >= 2 { return text + String(repeating: " ", count: space) + amount }
        return text + "\n" + String(repeating: " ", count: max(0, width - displayWidth(amount))) + amount
    }
}
