// Prints a response in the format that was asked for.

internal import ClinicClient
internal import ProtobufC

extension RemoteServer {
    /// Prints a response. Its text needs another call if it has times, so the connection must be open.
    func print(_ response: some Presentable, _ console: Console) async throws {
        switch settings.output {
        case .json: try console.print(try response.unlimitedJSON())
        case .jsonl: try console.print(try response.jsonLines().map { $0 + "\n" }.joined())
        case .csv:
            let style = await style(showingTimes: type(of: response).showsTimes, console)
            guard let table = try response.table(style) else { throw Self.noTable }
            try console.print(table.csv)
        case .table:
            let style = await style(showingTimes: type(of: response).showsTimes, console)
            try console.show(try response.text(style))
        }
    }

    /// How text is written, with the clinic's time zone if it is needed and known. A change that was made is shown in any
    /// case, so a failure leaves the zone open.
    func style(showingTimes: Bool, _ console: Console) async -> TextStyle {
        let display = settings.display
        var clinic = console.clinic
        if showingTimes, clinic.zone == nil { clinic = (try? await clinicFacts()) ?? ClinicFacts() }
        let isTable = settings.output == .table
        return TextStyle(
            times: TimeStyle(zone: display.utc ? nil : clinic.zone, isISO: display.iso), clinic: clinic,
            width: isTable && !display.wide ? console.terminal?.width : nil, columns: display.columns?.names,
            isColoured: isTable && console.terminal?.isColoured ?? false)
    }

    /// What a command says that has no rows.
    static var noTable: CommandFailure {
        CommandFailure("this has no table; use --output json", .usage)
    }
}

/// How the lines of a stream are written. It is asked for with the first one, over a connection that has proved itself then: a server
/// that is refused is tried once.
struct StreamStyle {
    private var known: TextStyle?

    mutating func style(_ remote: RemoteServer, _ console: Console) async -> TextStyle {
        if let known { return known }
        let style = await remote.style(showingTimes: true, console)
        known = style
        return style
    }
}

extension Console {
    /// Prints text for people, through the pager if it is longer than the terminal.
    func show(_ text: String) throws {
        if let terminal, let pager = terminal.pager, text.count(where: { $0 == "\n" }) >= terminal.height,
            keyboard.isTerminal(), pager(text)
        {
            return
        }
        try print(text)
    }
}
