// The transactions of an old database: which of them are payments, which give one back, and whether their amounts add up.

internal import ClinicStore
internal import Scheduling

/// The payments of each booking.
struct ImportedPayments {
    /// Money that was taken, and how much of it was given back.
    struct Payment {
        /// The id of its transaction.
        let id: Int64
        let price: Price
        var refunded: Int64 = 0

        /// Whether some of it is still the clinic's.
        var isLive: Bool { refunded < price.total }
    }

    /// By the id of the booking, each in the order of their ids.
    private(set) var ofBooking: [Int64: [Payment]] = [:]

    init(_ rows: LegacyRows, _ report: inout ImportReport) {
        for row in rows.transactions {
            guard row.id > 0, let booking = row.bookingID else {
                report.leaveOut(row, "BOOKING_NOT_FOUND", "it is of no booking")
                continue
            }
            guard let price = Self.price(of: row, &report) else { continue }
            switch Kind(row.status) {
            case .payment:
                report.before.paid += price.total
                ofBooking[booking, default: []].append(Payment(id: row.id, price: price))
            case .refund: giveBack(row.id, price, of: booking, &report)
            case .unpaid:
                report.add(
                    .transaction, row.id, .leftOut, "NOT_PAID",
                    "its status does not say that it was paid or given back")
            }
        }
    }

    private enum Kind {
        case payment, refund, unpaid

        init(_ status: String?) {
            self =
                switch LegacyStatus.key(status) {
                case "paid", "confirmed", "completed", "success", "successful": .payment
                case "refund", "refunded", "cancelled", "canceled", "void", "voided": .refund
                default: .unpaid
                }
        }
    }

    /// A refund belongs to the last payment before it that has enough left, best to one of the same amount. One that
    /// belongs to none was a payment itself, whose status was changed when it was given back.
    private mutating func giveBack(
        _ id: Int64, _ price: Price, of booking: Int64, _ report: inout ImportReport
    ) {
        report.before.refunded += price.total
        var payments = ofBooking[booking] ?? []
        let place =
            payments.lastIndex { $0.refunded == 0 && $0.price.total == price.total && price.total > 0 }
            ?? payments.lastIndex { $0.price.total - $0.refunded >= price.total && price.total > 0 }
        if let place {
            payments[place].refunded += price.total
            report.add(
                .transaction, id, .changed, "REFUND_OF_PAYMENT",
                "it is the refund of transaction \(payments[place].id) now and has no number of its own")
        } else {
            report.before.paid += price.total
            payments.append(Payment(id: id, price: price, refunded: price.total))
            report.add(
                .transaction, id, .noted, "REFUND_WITHOUT_PAYMENT",
                "there is no payment that it gives back; it came as a payment that was given back in full")
        }
        ofBooking[booking] = payments
    }

    /// The amounts of a row, or nil if it has none that could be meant.
    private static func price(of row: LegacyRows.Transaction, _ report: inout ImportReport) -> Price? {
        func amount(_ text: String?) -> MinorUnits? { text.flatMap(MinorUnits.init(parsing:)) }
        guard let total = amount(row.total), total.rounded > 0 || total.isWhole else {
            report.add(
                .transaction, row.id, .difference, "AMOUNT_NOT_ALLOWED",
                "its total is missing, negative or out of range; it does not come")
            return nil
        }
        let fee = amount(row.fee)
        let gst = amount(row.gst)
        if let fee, let gst, fee.isWhole, gst.isWhole, total.isWhole,
            fee.rounded + gst.rounded == total.rounded
        {
            return Price(fee: fee.rounded, gst: gst.rounded)
        }
        // What was charged is the total; the fee is what is left of it.
        let part = min(gst?.rounded ?? 0, total.rounded)
        report.add(
            .transaction, row.id, .difference, "AMOUNTS_DIFFER",
            "fee and GST are not the total to the cent; the total of \(total.rounded) cents counts, \(part) of it GST"
        )
        return Price(fee: total.rounded - part, gst: part)
    }

    /// Reports the payments of bookings that did not come.
    func reportUnused(by visits: ImportedVisits, _ report: inout ImportReport) {
        for (booking, payments) in ofBooking.sorted(by: { $0.key < $1.key })
        where !visits.ids.contains(booking) {
            for payment in payments {
                report.leftOut.paid += payment.price.total
                report.leftOut.refunded += payment.refunded
                report.add(
                    .transaction, payment.id, .leftOut, "BOOKING_NOT_FOUND",
                    "booking \(booking) is not there or did not come; \(payment.price.total) cents are left out"
                )
            }
        }
    }
}

extension ImportReport {
    fileprivate mutating func leaveOut(
        _ row: LegacyRows.Transaction, _ reason: String, _ explanation: String
    ) {
        add(.transaction, row.id, .leftOut, reason, explanation)
    }
}
