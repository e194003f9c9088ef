// The exported data of a user as text.

internal import ClinicMessages

extension ExportUserDataResponse: Presentable {
    /// The account, and one table for each kind of data that exists.
    func text(_ style: TextStyle) throws -> String {
        let parts: [(title: String, text: String)] = try [
            ("Account", user?.text(style) ?? ""), ("Bookings", Booking.table(of: bookings, style)),
            ("Transactions", Transaction.table(of: transactions, style)),
            ("Signed in", UserSession.table(of: sessions, style)),
            ("Changes", UserEvent.table(of: events, style)),
        ]
        return parts.filter { !$0.text.isEmpty }.map { "\($0.title)\n\n\($0.text)" }.joined(separator: "\n")
    }
}

extension UserSession: TableRow {
    static let columns: [Column<UserSession>] = [
        .time("Since") { $0.createTime },
        .time("Renewed") { $0.refreshTime },
        .time("Until") { $0.expireTime },
    ]
}

extension UserEvent: TableRow {
    static let columns: [Column<UserEvent>] = [
        .time("When") { $0.eventTime },
        Column("By") { $0.byUser ? "the person" : "the clinic" },
        Column("What") { "\($0.entity) \($0.entityID)" },
        Column("Method") { $0.method.split(separator: "/").last.map(String.init) ?? "" },
        .change("Change") { $0.changeJson },
    ]
}
