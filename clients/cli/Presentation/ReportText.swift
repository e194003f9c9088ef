// The audit trail and the reports as tables.

internal import ClinicMessages

extension AuditEvent: TableRow {
    static let columns: [Column<AuditEvent>] = [
        Column("ID", isNumber: true) { String($0.id) },
        Column("Time") { $0.eventTime?.rfc3339 ?? "" },
        Column("Actor", isNumber: true) { $0.actorID == 0 ? "-" : String($0.actorID) },
        Column("Method") { $0.method.replacing("clinic.v1.", with: "") },
        Column("Entity") { $0.entity },
        Column("Entity ID", isNumber: true) { String($0.entityID) },
        Column("Change") { $0.change },
    ]
}

extension RevenueRow: TableRow {
    static let columns: [Column<RevenueRow>] = [
        Column("For") { rowName($0.day, $0.doctor, $0.department) },
        Column("Fee", isNumber: true) { MoneyText.text($0.fee) },
        Column("GST", isNumber: true) { MoneyText.text($0.gst) },
        Column("Refunded", isNumber: true) { MoneyText.text($0.refunded) },
        Column("Of it GST", isNumber: true) { MoneyText.text($0.refundedGst) },
        Column("Net", isNumber: true) { MoneyText.text($0.net) },
    ]
}

extension UtilizationRow: TableRow {
    static let columns: [Column<UtilizationRow>] = [
        Column("For") { rowName($0.day, $0.doctor, $0.department) },
        Column("Offered", isNumber: true) { String($0.offered) },
        Column("Booked", isNumber: true) { String($0.booked) },
        Column("Of offered", isNumber: true) { percentText($0.bookedBasisPoints) },
        Column("Attended", isNumber: true) { String($0.attended) },
        Column("Cancelled", isNumber: true) { String($0.cancelled) },
        Column("No shows", isNumber: true) { String($0.noShows) },
        Column("No-show rate", isNumber: true) { percentText($0.noShowBasisPoints) },
    ]
}

extension QueryRevenueResponse: Presentable {
    /// The rows, and the total below them.
    var text: String { RevenueRow.table(of: rows + [total ?? RevenueRow()]) }
}

extension QueryUtilizationResponse: Presentable {
    /// The rows, and the total below them.
    var text: String { UtilizationRow.table(of: rows + [total ?? UtilizationRow()]) }
}

extension ConsistencyCheck: TableRow {
    static let columns: [Column<ConsistencyCheck>] = [
        Column("Check") { $0.title },
        Column("Broken", isNumber: true) { String($0.violations) },
        Column("By") { check in
            check.entityIds.isEmpty
                ? "" : "\(check.entity) " + check.entityIds.map(String.init).joined(separator: ", ")
        },
    ]
}

extension CheckConsistencyResponse: Presentable {
    /// A line for each check.
    var text: String { ConsistencyCheck.table(of: checks) }
}

/// What a row of a report stands for.
private func rowName(_ day: String, _ doctor: DoctorSummary?, _ department: DepartmentSummary?) -> String {
    if !day.isEmpty { return day }
    if let doctor { return reference(doctor.id, doctor.fullName) }
    return department == nil ? "Total" : reference(department)
}

/// Basis points as people read them: 1250 is `12.50 %`.
func percentText(_ basisPoints: Int64) -> String {
    let digits = String(basisPoints.magnitude)
    let padded = String(repeating: "0", count: max(0, 3 - digits.count)) + digits
    return (basisPoints < 0 ? "-" : "") + padded.dropLast(2) + "." + padded.suffix(2) + " %"
}
