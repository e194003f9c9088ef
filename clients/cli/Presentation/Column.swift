// The columns of a table. A resource declares its columns once, with the kind of their values.

internal import ClinicMessages

/// The value of a cell before it is written.
enum Cell: Sendable {
    case text(String)
    case number(String)
    case time(ProtobufTimestamp?)
    /// A local time of the clinic, `dd/mm/yyyy hh:mm:ss`.
    case localTime(String)
    case money(Money?)
    /// The change of an event, a JSON object.
    case change(String)

    /// The text of the cell; an amount has its currency unless the title says it.
    func text(_ style: TextStyle, currencyInTitle: Bool = false) -> String {
        switch self {
        case .text(let text), .number(let text): text
        case .time(let time): style.times.text(time)
        case .localTime(let text): style.local(text)
        case .change(let json): ChangeText.text(json, style)
        case .money(let money): MoneyText.text(money, withCurrency: !currencyInTitle)
        }
    }
}

/// One column of a table, or one line of a single resource.
struct Column<Row>: Sendable {
    /// Where the column is shown.
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
    /// Whether a table may cut the text to fit the terminal.
    let mayBeCut: Bool
    let isTime: Bool
    let cell: @Sendable (Row) -> Cell

    private init(
        _ title: String, _ detailTitle: String?, _ visibility: Visibility, isNumber: Bool, mayBeCut: Bool,
        isTime: Bool = false, _ cell: @escaping @Sendable (Row) -> Cell
    ) {
        self.title = title
        self.detailTitle = detailTitle ?? title
        self.visibility = visibility
        self.isNumber = isNumber
        self.mayBeCut = mayBeCut
        self.isTime = isTime
        self.cell = cell
    }

    /// A column of texts, or of numbers that are aligned to the right.
    init(
        _ title: String, detailTitle: String? = nil, _ visibility: Visibility = .always,
        isNumber: Bool = false, mayBeCut: Bool = true, _ text: @escaping @Sendable (Row) -> String
    ) {
        self.init(title, detailTitle, visibility, isNumber: isNumber, mayBeCut: mayBeCut && !isNumber) {
            row in
            isNumber ? .number(text(row)) : .text(text(row))
        }
    }

    /// A column of instants.
    static func time(
        _ title: String, _ visibility: Visibility = .always,
        _ time: @escaping @Sendable (Row) -> ProtobufTimestamp?
    ) -> Column {
        Column(title, nil, visibility, isNumber: false, mayBeCut: false, isTime: true) { .time(time($0)) }
    }

    /// A column of local times of the clinic, `dd/mm/yyyy hh:mm:ss`.
    static func localTime(
        _ title: String, _ visibility: Visibility = .always, _ text: @escaping @Sendable (Row) -> String
    ) -> Column {
        Column(title, nil, visibility, isNumber: false, mayBeCut: false, isTime: true) {
            .localTime(text($0))
        }
    }

    /// A column of the changes of events.
    static func change(_ title: String, _ json: @escaping @Sendable (Row) -> String) -> Column {
        Column(title, nil, .always, isNumber: false, mayBeCut: true) { .change(json($0)) }
    }

    /// A column of amounts.
    static func money(
        _ title: String, _ visibility: Visibility = .always, _ money: @escaping @Sendable (Row) -> Money?
    ) -> Column {
        Column(title, nil, visibility, isNumber: true, mayBeCut: false) { .money(money($0)) }
    }

    /// The name of the column in options and in the first line of CSV, such as `valid_until`.
    var name: String { title.lowercased().replacing(" ", with: "_").replacing("-", with: "_") }
}
