// How answers look. A thing says its columns once; a list of it is a table of them, the thing alone has one on each
// line.

internal import ClinicClient
internal import ClinicMessages
internal import ProtobufC
internal import TTRPCMessages
internal import Terminal

/// A message that people can read.
protocol Presentable: Message {
    /// Whole lines, or nothing.
    var text: String { get }
}

extension Message {
    /// The JSON form with the field names of the schema. The limits for what comes from outside do not hold: this
    /// is in memory already, and `--all` makes it as long as the list is.
    func wholeJSON() throws(MessageDecodingError) -> String {
        let limits = DecodingLimits(
            maximumMemory: .max, maximumFieldCount: .max, refusesUnknownEnumerationValues: false)
        return try Self.descriptor.json(decoding: encoded(), pretty: true, limits: limits)
    }
}

/// One property of a thing, as people read it.
struct Column<Thing>: Sendable {
    /// Where it is printed.
    enum Place: Sendable {
        case everywhere
        /// Only for a thing alone.
        case detail
    }

    let title: String
    /// The title where the thing stands alone and says itself what it is.
    let titleAlone: String
    let place: Place
    let isNumber: Bool
    let text: @Sendable (Thing) -> String

    init(
        _ title: String, alone: String? = nil, _ place: Place = .everywhere, isNumber: Bool = false,
        _ text: @escaping @Sendable (Thing) -> String
    ) {
        self.title = title
        titleAlone = alone ?? title
        self.place = place
        self.isNumber = isNumber
        self.text = text
    }
}

/// A thing with columns.
protocol Described: Presentable {
    static var columns: [Column<Self>] { get }
}

extension Described {
    /// Title and text of each property that is set, one on a line.
    var text: String {
        let rows = Self.columns.map { [$0.titleAlone, printable($0.text(self))] }.filter { !$0[1].isEmpty }
        return TextTable(rows: rows, numberColumns: []).text
    }
}

extension PageResponse where Item: Described {
    var text: String { table() }

    /// A table without the columns of these titles; nothing for no items.
    func table(without titles: Set<String> = []) -> String { Item.table(of: items, without: titles) }
}

extension Described {
    /// Things as a table without the columns of these titles; nothing for no things.
    static func table(of items: [Self], without titles: Set<String> = []) -> String {
        guard !items.isEmpty else { return "" }
        let columns = columns.filter { $0.place == .everywhere && !titles.contains($0.title) }
            .map { column in (column, items.map { printable(column.text($0)) }) }
            // The public list of bookings says nothing about patients.
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
    /// There is nothing to say.
    var text: String { "" }
}
