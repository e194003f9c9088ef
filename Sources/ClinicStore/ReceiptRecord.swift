// The row of a receipt.
internal import PostgreSQL
public import Scheduling

/// What a receipt is printed from.
public struct ReceiptRecord: Record {
    /// What was paid.
    public let transaction: TransactionRecord
    /// When.
    public let paidAt: Instant
    /// The patient's given name.
    public let firstName: String
    /// The patient's family name.
    public let lastName: String
    /// The doctor.
    public let doctor: NamedRecord
    /// Where the doctor works.
    public let department: NamedRecord
    /// What was given back, oldest first.
    public let refunds: [RefundEntry]

    /// Money that was given back.
    public struct RefundEntry: Sendable, Hashable {
        /// When.
        public let time: Instant
        /// The part that was fee, in minor units.
        public let fee: Int64
        /// The part that was tax, in minor units.
        public let gst: Int64
    }

    static let columns =
        TransactionRecord.columns + [
            "paid_at", "first_name", "last_name", "doctor_id", "full_name", "department_id",
            "department_name",
            "refund_times", "refund_fees", "refund_gsts",
        ]

    init(reading row: inout Row) throws {
        transaction = try TransactionRecord(reading: &row)
        paidAt = try row.instant()
        firstName = try row.text()
        lastName = try row.text()
        doctor = try NamedRecord(reading: &row)
        department = try NamedRecord(reading: &row)
        let (times, fees, gsts) = (try row.int64Array(), try row.int64Array(), try row.int64Array())
        guard times.count == fees.count, times.count == gsts.count else { throw StoreError.unknownValue }
        refunds = times.indices.map { index in
            RefundEntry(
                time: Instant(microsecondsSinceEpoch: times[index]), fee: fees[index], gst: gsts[index])
        }
    }
}
