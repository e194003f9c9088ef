// The columns of each resource, in order.

internal import ClinicClient
internal import ClinicMessages
internal import RPCMessages

extension User: TableRow {
    static let columns: [Column<User>] = [
        Column("ID", detailTitle: "User", isNumber: true) { String($0.id) },
        Column("Name") { name($0.firstName, $0.lastName) },
        Column("E-mail") { $0.email },
        Column("Phone") { $0.phone },
        Column("Role") { label($0.role) },
        Column("Etag", .detail) { $0.etag },
    ]
}

extension LoginResponse: TableRow {
    static let columns: [Column<LoginResponse>] = [
        Column("E-mail") { $0.email },
        Column("Role") { label($0.role) },
        .time("Signed in until") { $0.expireTime },
    ]
}

extension Department: TableRow {
    static let columns: [Column<Department>] = [
        Column("ID", detailTitle: "Department", isNumber: true) { String($0.id) },
        Column("Name") { $0.departmentName },
        Column("Opens") { $0.operatingStartHour },
        Column("Closes") { $0.operatingEndHour },
        Column("Created", .detail) { $0.createdDate },
        Column("Updated", .detail) { $0.lastUpdate },
        Column("Etag", .detail) { $0.etag },
    ]
}

extension Doctor: TableRow {
    static let columns: [Column<Doctor>] = [
        Column("ID", detailTitle: "Doctor", isNumber: true) { String($0.id) },
        Column("Name") { $0.fullName },
        Column("Department") { reference($0.department) },
        Column("Registration") { $0.registrationNumber },
        Column("Valid until") { $0.registrationExpiry },
        .money("Fee") { $0.consultationFee },
        Column("GST") { $0.gstFree ? "free" : "added" },
        Column("Slot", isNumber: true) { "\($0.slotMinutes) min" },
        Column("Week", .detail) { WorkingHours.text($0.weeklyHours) },
        Column("Etag", .detail) { $0.etag },
    ]
}

extension Booking: TableRow {
    static let columns: [Column<Booking>] = [
        Column("ID", detailTitle: "Booking", isNumber: true) { String($0.id) },
        .time("Start") { $0.startTime },
        .time("End", .detail) { $0.endTime },
        Column("Status") { label($0.status) },
        .time("Held until", .detail) { $0.holdExpireTime },
        Column("Doctor") { reference($0.doctor?.id, $0.doctor?.fullName) },
        Column("Department") { $0.doctor?.department?.departmentName ?? "" },
        Column("Patient") { reference($0.user?.id, $0.user.map { name($0.firstName, $0.lastName) }) },
        Column("Payments") { booking in
            booking.transactions.map { "\($0.id) \(label($0.status)) \(MoneyText.text($0.totalFee))" }
                .joined(separator: ", ")
        },
        Column("Etag", .detail) { $0.etag },
    ]
}

extension Transaction: TableRow {
    static let columns: [Column<Transaction>] = [
        Column("ID", detailTitle: "Transaction", isNumber: true) { String($0.id) },
        Column("Status") { label($0.status) },
        .money("Fee") { $0.fee },
        .money("GST") { $0.gst },
        .money("Total") { $0.totalFee },
        .money("Refunded") { $0.refundedAmount },
        Column("Booking", isNumber: true) { $0.booking.map { String($0.id) } ?? "" },
        .time("Appointment") { $0.booking?.startTime },
        Column("Booking status", .detail) { $0.booking.map { label($0.status) } ?? "" },
        Column("Etag", .detail) { $0.etag },
    ]
}

extension HealthCheckResponse: TableRow {
    static let columns: [Column<HealthCheckResponse>] = [Column("Status") { label($0.status) }]
}

extension ListMyBookingsResponse: Presentable {
    /// The patient is the caller.
    func text(_ style: TextStyle) throws -> String {
        try Booking.table(of: items, without: style.columns == nil ? ["Patient"] : [], style)
    }
}

extension ListBookingsResponse: Presentable {
    /// The department is omitted for lack of space.
    func text(_ style: TextStyle) throws -> String {
        try Booking.table(of: items, without: style.columns == nil ? ["Department"] : [], style)
    }
}

func name(_ first: String, _ last: String) -> String {
    [first, last].filter { !$0.isEmpty }.joined(separator: " ")
}

func reference(_ department: DepartmentSummary?) -> String {
    reference(department?.id, department?.departmentName)
}

/// A reference to another resource: its name and the number to use in commands.
func reference(_ id: Int64?, _ name: String?) -> String {
    guard let id else { return "" }
    return [name ?? "", "(\(id))"].filter { !$0.isEmpty }.joined(separator: " ")
}
