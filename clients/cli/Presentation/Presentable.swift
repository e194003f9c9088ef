// How responses are printed. A resource declares its columns once; a list prints them as a table, a single resource
// prints one per line.

internal import ClinicClient
internal import ClinicMessages
internal import ProtobufC
internal import RPCMessages
internal import Terminal

/// A message with a text form for people.
protocol Presentable: Message {
    /// Complete lines, or an empty text.
    var text: String { get }
}

extension Message {
    /// The JSON form with the field names of the schema. Decoding limits do not apply, because the message is
    /// already in memory and `--all` makes it as long as the list.
    func unlimitedJSON() throws(MessageDecodingError) -> String {
        let limits = DecodingLimits(
            maximumMemory: .max, maximumFieldCount: .max, refusesUnknownEnumerationValues: false)
        return try Self.descriptor.json(decoding: encoded(), pretty: true, limits: limits)
    }
}

/// One column of a table, or one line of a single resource.
struct Column<Row>: Sendable {
    /// Where the column is printed.
    enum Visibility: Sendable {
        case always
        /// Only for a single resource.
        case detail
    }

    let title: String
    /// The title in the detail view, where it names the kind of resource.
    let detailTitle: String
    let visibility: Visibility
    let isNumber: Bool
    let text: @Sendable (Row) -> String

    init(
        _ title: String, detailTitle: String? = nil, _ visibility: Visibility = .always,
        isNumber: Bool = false,
        _ text: @escaping @Sendable (Row) -> String
    ) {
        self.title = title
        self.detailTitle = detailTitle ?? title
        self.visibility = visibility
        self.isNumber = isNumber
        self.text = text
    }
}

/// A resource that is printed as a table row.
protocol TableRow: Presentable {
    static var columns: [Column<Self>] { get }
}

extension TableRow {
    /// The title and value of each column that has a value, one per line.
    var text: String {
        let rows = Self.columns.map { [$0.detailTitle, printable($0.text(self))] }.filter { !$0[1].isEmpty }
        return TextTable(rows: rows, numberColumns: []).text
    }
}

extension PageResponse where Item: TableRow {
    var text: String { table() }

    /// A table without the columns of these titles; empty if there are no items.
    func table(without titles: Set<String> = []) -> String { Item.table(of: items, without: titles) }
}

extension TableRow {
    /// A table of items without the columns of these titles; empty if there are no items.
    static func table(of items: [Self], without titles: Set<String> = []) -> String {
        guard !items.isEmpty else { return "" }
        let columns = columns.filter { $0.visibility == .always && !titles.contains($0.title) }
            .map { column in (column, items.map { printable(column.text($0)) }) }
            // Empty columns are omitted, such as the patients in the public list of bookings.
            .filter { _, cells in cells.contains { !$0.isEmpty } }
        let rows = items.indices.map { index in columns.map { $0.1[index] } }
        return TextTable(
            rows: [columns.map { $0.0.title.uppercased() }] + rows,
            numberColumns: Set(columns.indices.filter { columns[$0].0.isNumber })
        ).text
    }
}

extension ListUsersResponse: Presentable {}
extension ListDepartmentsResponse: Presentable {}
extension ListDoctorsResponse: Presentable {}
extension ListTransactionsResponse: Presentable {}
extension ListAuditEventsResponse: Presentable {}

extension ProtobufEmpty: Presentable {
    /// Nothing is printed.
    var text: String { "" }
}
