// The consistency rules in messages: a stable name for programs and a description for people.

internal import ClinicMessages
internal import ClinicStore

extension ConsistencyCheck {
    init(_ finding: ConsistencyStore.Finding) {
        let (name, title, entity) = finding.rule.texts
        self.init(
            name: name, title: title, entity: entity, violations: finding.violations, entityIds: finding.ids)
    }
}

extension ConsistencyRule {
    fileprivate var texts: (name: String, title: String, entity: String) {
        switch self {
        case .doctorDoubleBooked:
            ("DOCTOR_DOUBLE_BOOKED", "no doctor has two patients at once", "booking")
        case .patientDoubleBooked:
            ("PATIENT_DOUBLE_BOOKED", "no patient has two appointments at once", "booking")
        case .journalUnbalanced:
            ("JOURNAL_UNBALANCED", "every journal of the ledger sums to zero", "journal")
        case .refundExceedsPayment:
            ("REFUND_EXCEEDS_PAYMENT", "no more was given back than was paid", "transaction")
        case .ledgerDiffers:
            ("LEDGER_DIFFERS", "every transaction is in the ledger as it stands", "transaction")
        case .paymentMissing:
            ("PAYMENT_MISSING", "every confirmed booking is paid", "booking")
        case .paymentUnexpected:
            ("PAYMENT_UNEXPECTED", "no booking is paid twice, or paid and not confirmed", "booking")
        case .paymentDiffersFromBooking:
            (
                "PAYMENT_DIFFERS_FROM_BOOKING", "every payment is for its booking's price and patient",
                "transaction"
            )
        case .bookingWithoutEvent:
            ("BOOKING_WITHOUT_EVENT", "every booking has its event", "booking")
        case .transactionWithoutEvent:
            ("TRANSACTION_WITHOUT_EVENT", "every transaction has its event", "transaction")
        case .statusBeforeItsTime:
            (
                "STATUS_BEFORE_ITS_TIME", "nobody has arrived, been seen or been missed before the time",
                "booking"
            )
        case .refundDeadlineAfterStart:
            ("REFUND_DEADLINE_AFTER_START", "no refund deadline is after the start", "booking")
        case .sealBroken:
            ("SEAL_BROKEN", "every seal fits its events and the seal before", "seal")
        case .eventAhead:
            ("EVENT_AHEAD", "no event is numbered ahead of this database, where nobody sees it", "event")
        }
    }
}
