// The exported data of a user as text.

internal import ClinicMessages

extension ExportUserDataResponse: Presentable {
    /// The account, and one table for each kind of data that exists.
    var text: String {
        let parts: [(title: String, text: String)] = [
            ("Account", user?.text ?? ""), ("Bookings", Booking.table(of: bookings)),
            ("Transactions", Transaction.table(of: transactions)),
            ("Signed in", UserSession.table(of: sessions)),
            ("Changes", UserEvent.table(of: events)),
        ]
        return parts.filter { !$0.text.isEmpty }.map { "\($0.title)\n\n\($0.text)" }.joined(separator: "\n")
    }
}

extension UserSession: TableRow {
    static let columns: [Column<UserSession>] = [
        Column("Since") { $0.createTime?.rfc3339 ?? "" },
        Column("Renewed") { $0.refreshTime?.rfc3339 ?? "" },
        Column("Until") { $0.expireTime?.rfc3339 ?? "" },
    ]
}

extension UserEvent: TableRow {
    static let columns: [Column<UserEvent>] = [
        Column("When") { $0.createTime?.rfc3339 ?? "" },
        Column("By") { $0.byUser ? "the person" : "the clinic" },
        Column("What") { "\($0.entity) \($0.entityID)" },
        Column("Method") { $0.method.split(separator: "/").last.map(String.init) ?? "" },
        Column("How") { $0.change },
    ]
}
