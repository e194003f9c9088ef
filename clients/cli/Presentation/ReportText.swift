// The audit trail and the reports as tables.

internal import ClinicMessages

extension AuditEvent: TableRow {
    static let columns: [Column<AuditEvent>] = [
        Column("ID", isNumber: true) { String($0.id) },
        .time("Time") { $0.eventTime },
        Column("Actor", isNumber: true) { $0.actorID == 0 ? "-" : String($0.actorID) },
        Column("Method") { $0.method.split(separator: "/").last.map(String.init) ?? "" },
        Column("Of", mayBeCut: false) { "\($0.entity) \($0.entityID)" },
        .change("Change") { $0.changeJson },
    ]
}

extension AccessLogEntry: TableRow {
    static let columns: [Column<AccessLogEntry>] = [
        Column("ID", isNumber: true) { String($0.id) },
        .time("Time") { $0.accessTime },
        Column("Actor", isNumber: true) { $0.actorID == 0 ? "-" : String($0.actorID) },
        Column("User", isNumber: true) { $0.userID == 0 ? "-" : String($0.userID) },
        Column("Method") { $0.method.replacing("clinic.v1.", with: "") },
        Column("Of") { $0.entity.isEmpty ? "-" : "\($0.entity) \($0.entityID)" },
        Column("Refusal") { $0.refusal.isEmpty ? "-" : $0.refusal },
        Column("From") { $0.peer },
    ]
}

extension RevenueRow: TableRow {
    static let columns: [Column<RevenueRow>] = [
        Column("For") { rowName($0.day, $0.doctor, $0.department) },
        .money("Fee") { $0.fee },
        .money("GST") { $0.gst },
        .money("Refunded") { $0.refunded },
        .money("Of it GST") { $0.refundedGst },
        .money("Net") { $0.net },
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
    static var showsTimes: Bool { false }
    /// The rows, and the total below them.
    func text(_ style: TextStyle) throws -> String {
        try RevenueRow.table(of: rows + [total ?? RevenueRow()], style)
    }
    func table(_ style: TextStyle) throws -> TableContents? {
        try RevenueRow.contents(of: rows, style, isDetail: false)
    }
    func jsonLines() throws -> [String] { try rows.map { try $0.unlimitedJSON(pretty: false) } }
}

extension QueryUtilizationResponse: Presentable {
    static var showsTimes: Bool { false }
    /// The rows, and the total below them.
    func text(_ style: TextStyle) throws -> String {
        try UtilizationRow.table(of: rows + [total ?? UtilizationRow()], style)
    }
    func table(_ style: TextStyle) throws -> TableContents? {
        try UtilizationRow.contents(of: rows, style, isDetail: false)
    }
    func jsonLines() throws -> [String] { try rows.map { try $0.unlimitedJSON(pretty: false) } }
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
    static var showsTimes: Bool { false }
    /// A line for each check.
    func text(_ style: TextStyle) throws -> String { try ConsistencyCheck.table(of: checks, style) }
    func table(_ style: TextStyle) throws -> TableContents? {
        try ConsistencyCheck.contents(of: checks, style, isDetail: false)
    }
    func jsonLines() throws -> [String] { try checks.map { try $0.unlimitedJSON(pretty: false) } }
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
