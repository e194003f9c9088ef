// How responses are printed. A list is printed as a table, a single resource with one value per line.

internal import ClinicClient
internal import ClinicMessages
internal import ProgramInput
internal import ProtobufC
internal import RPCMessages
internal import Terminal

/// A message with a text form for people.
protocol Presentable: Message {
    /// Whether the text has times, so that the clinic's time zone must be known.
    static var showsTimes: Bool { get }
    /// Complete lines, or an empty text.
    func text(_ style: TextStyle) throws -> String
    /// The rows of comma-separated values; nil if the message has none.
    func table(_ style: TextStyle) throws -> TableContents?
    /// The messages that are printed on a line each as JSON.
    func jsonLines() throws -> [String]
}

extension Presentable {
    static var showsTimes: Bool { true }
    func table(_ style: TextStyle) throws -> TableContents? { nil }
    func jsonLines() throws -> [String] { [try unlimitedJSON(pretty: false)] }
}

extension Message {
    /// The JSON form with the field names of the schema. Decoding limits do not apply, because the message is
    /// already in memory and `--all` makes it as long as the list.
    func unlimitedJSON(pretty: Bool = true) throws(MessageDecodingError) -> String {
        let limits = DecodingLimits(
            maximumMemory: .max, maximumFieldCount: .max)
        return try Self.descriptor.json(decoding: encoded(), pretty: pretty, limits: limits)
    }
}

/// A resource that is printed as a table row.
protocol TableRow: Presentable {
    static var columns: [Column<Self>] { get }
}

extension TableRow {
    static var showsTimes: Bool { columns.contains(where: \.isTime) }

    /// The title and value of each column that has a value, one per line.
    func text(_ style: TextStyle) throws -> String {
        let rows = try Self.selected(style, isDetail: true)
            .map { [$0.detailTitle, printable($0.cell(self).text(style))] }.filter { !$0[1].isEmpty }
        return DetailText(rows: rows, width: style.width).text
    }

    func table(_ style: TextStyle) throws -> TableContents? {
        try Self.contents(of: [self], style, isDetail: true)
    }
}

extension Presentable where Self: PageResponse, Item: TableRow {
    static var showsTimes: Bool { Item.showsTimes }
    func text(_ style: TextStyle) throws -> String { try Item.table(of: items, style) }
    func table(_ style: TextStyle) throws -> TableContents? {
        try Item.contents(of: items, style, isDetail: false)
    }
    func jsonLines() throws -> [String] { try items.map { try $0.unlimitedJSON(pretty: false) } }
}

extension TableRow {
    /// A table of items without the columns of these titles; empty if there are no items.
    static func table(
        of items: [Self], without titles: Set<String> = [], _ style: TextStyle
    ) throws -> String {
        let columns = try selected(style, isDetail: false).filter { !titles.contains($0.title) }
        guard !items.isEmpty else { return "" }
        let cells = columns.map { column in items.map(column.cell) }
        // Empty columns are omitted, such as the patients in the public list of bookings.
        let shown = zip(columns, cells).compactMap { column, cells -> TableColumn? in
            let currency = commonCurrency(of: cells)
            let texts = cells.map { printable($0.text(style, currencyInTitle: currency != nil)) }
            guard style.columns != nil || texts.contains(where: { !$0.isEmpty }) else { return nil }
            return TableColumn(
                title: column.title.uppercased() + (currency.map { " " + $0 } ?? ""), cells: texts,
                isNumber: column.isNumber, mayBeCut: column.mayBeCut)
        }
        return TextTable(columns: shown, width: style.width, isColoured: style.isColoured).text
    }

    /// The values for programs: times with their offset, amounts without their currency, which the title says.
    static func contents(
        of items: [Self], _ style: TextStyle, isDetail: Bool
    ) throws -> TableContents {
        var exact = style
        exact.times.isISO = true
        let columns = try selected(style, isDetail: isDetail)
        let cells = columns.map { column in items.map(column.cell) }
        let currencies = cells.map { commonCurrency(of: $0) }
        return TableContents(
            titles: zip(columns, currencies).map { $0.name + ($1.map { "_" + $0.lowercased() } ?? "") },
            rows: items.indices.map { row in
                zip(cells, currencies).map { $0[row].text(exact, currencyInTitle: $1 != nil) }
            })
    }

    /// The columns that the user chose, or those of the view.
    private static func selected(_ style: TextStyle, isDetail: Bool) throws -> [Column<Self>] {
        guard let names = style.columns else {
            return columns.filter { isDetail || $0.visibility == .always }
        }
        return try names.map { name in
            guard let column = columns.first(where: { $0.name == name }) else {
                let known = columns.map(\.name)
                throw CommandFailure(
                    "there is no column \(name); " + Suggestion.text(for: name, among: known, "columns"),
                    .usage)
            }
            return column
        }
    }

    /// The currency of all amounts of a column; nil if there are none or several.
    private static func commonCurrency(of cells: [Cell]) -> String? {
        var common: String?
        for case .money(.some(let money)) in cells {
            guard !money.currencyCode.isEmpty, common == nil || common == money.currencyCode else {
                return nil
            }
            common = money.currencyCode
        }
        return common
    }
}

extension ListUsersResponse: Presentable {}
extension ListDepartmentsResponse: Presentable {}
extension ListDoctorsResponse: Presentable {}
extension ListTransactionsResponse: Presentable {}
extension ListAuditEventsResponse: Presentable {}

extension ListAccessLogResponse: Presentable {}

/// A response that says nothing.
protocol EmptyResponse: Presentable {}

extension EmptyResponse {
    static var showsTimes: Bool { false }
    /// Nothing is printed.
    func text(_ style: TextStyle) -> String { "" }
}

extension DeleteBookingResponse: EmptyResponse {}
extension DeleteTimeOffResponse: EmptyResponse {}
extension DeleteTransactionResponse: EmptyResponse {}
extension ResetPasswordResponse: EmptyResponse {}
extension RevokeTokensResponse: EmptyResponse {}
extension ChangePasswordResponse: EmptyResponse {}
