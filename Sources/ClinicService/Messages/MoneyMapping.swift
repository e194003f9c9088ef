// Receipts, reports and the audit trail as messages.

internal import ClinicMessages
internal import ClinicStore
internal import Scheduling

extension Receipt {
    init(_ record: ReceiptRecord, _ clinic: ClinicSettings) {
        let paid = record.transaction
        let number = "R-\(paid.id)"
        let start = clinic.dateTime(record.transaction.bookingStart)
        self.init(
            receiptNumber: number, transaction: Transaction(paid, clinic),
            paymentTime: ProtobufTimestamp(record.paidAt), paymentDateTime: clinic.dateTime(record.paidAt),
            user: UserSummary(id: paid.userID, firstName: record.firstName, lastName: record.lastName),
            doctor: DoctorSummary(
                id: record.doctor.id, fullName: record.doctor.name,
                department: DepartmentSummary(record.department)),
            lines: [
                ReceiptLine(
                    description: "Consultation with \(record.doctor.name) on \(start)",
                    fee: clinic.money(paid.fee), gst: clinic.money(paid.gst), total: clinic.money(paid.total))
            ],
            refunds: record.refunds.enumerated().map { index, refund in
                ReceiptRefund(
                    refundNumber: "\(number)-\(index + 1)", refundTime: ProtobufTimestamp(refund.time),
                    refundDateTime: clinic.dateTime(refund.time), fee: clinic.money(refund.fee),
                    gst: clinic.money(refund.gst), amount: clinic.money(refund.fee + refund.gst))
            },
            balance: clinic.money(paid.total - paid.refunded), timeZone: clinic.zone.identifier)
    }
}

extension AuditEvent {
    init(_ record: EventRecord) {
        self.init(
            id: record.position.sequence, eventTime: ProtobufTimestamp(record.occurredAt),
            actorID: record.actorID ?? 0, method: record.method, entity: record.entity,
            entityID: record.entityID, changeJson: record.change)
    }
}

extension ReportKey {
    /// The group of the row, in the field of its grouping.
    fileprivate var fields: (day: String, doctor: DoctorSummary?, department: DepartmentSummary?) {
        switch self {
        case .day(let day): (day.description, nil, nil)
        case .doctor(let doctor, let department):
            (
                "",
                DoctorSummary(
                    id: doctor.id, fullName: doctor.name, department: DepartmentSummary(department)), nil
            )
        case .department(let department): ("", nil, DepartmentSummary(department))
        case .total: ("", nil, nil)
        }
    }
}

extension RevenueRow {
    init(_ revenue: ReportStore.Revenue, _ clinic: ClinicSettings) {
        let key = revenue.key.fields
        self.init(
            day: key.day, doctor: key.doctor, department: key.department, fee: clinic.money(revenue.fee),
            gst: clinic.money(revenue.gst), refunded: clinic.money(revenue.refunded),
            refundedGst: clinic.money(revenue.refundedGST), net: clinic.money(revenue.net))
    }
}

extension UtilizationRow {
    init(_ row: UtilizationReport.Row) {
        let key = row.key.fields
        self.init(
            day: key.day, doctor: key.doctor, department: key.department, offered: row.offered,
            booked: row.counts.booked, attended: row.counts.attended, cancelled: row.counts.cancelled,
            noShows: row.counts.missed, noShowBasisPoints: row.counts.noShowBasisPoints,
            bookedBasisPoints: row.counts.bookedBasisPoints(offered: row.offered))
    }
}
