// `clinic config`.

internal import ArgumentParser
internal import FoundationEssentials
internal import Terminal

struct ShowConfiguration: RunnableCommand {
    static let configuration = CommandConfiguration(
        "config", "Print the settings of this command line, and where each comes from.",
        """
        An option wins over the environment, that over the profile, and that over the default. Profiles are in \
        clinic/config.json of the XDG configuration directory, or in CLINIC_CONFIG_FILE: \
        {"default": "ward", "profiles": {"ward": {"address": "tls:clinic.example.org:7411", "ca": "/etc/clinic/ca.pem"}}}
        """,
        example: "clinic config --profile ward")

    @OptionGroup var connection: ConnectionOptions

    func run(in console: Console) async throws {
        let settings = try Settings(connection, console)
        let files = [
            ("session file", SessionFile.find(console)?.path ?? "none"),
            ("configuration file", Profile.path(console) ?? "none"),
        ]
        let rows = settings.origins.map { [$0.name, $0.value, $0.origin] } + files.map { [$0.0, $0.1, ""] }
        switch settings.output {
        case .table:
            try console.print(TextTable(rows: rows.map { $0.map(printable) }, numberColumns: []).text)
        case .csv: try console.print(TableContents(titles: ["name", "value", "origin"], rows: rows).csv)
        case .json, .jsonl:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let form = Dictionary(
                uniqueKeysWithValues: rows.map { ($0[0], ["value": $0[1], "origin": $0[2]]) })
            try console.print(String(decoding: try encoder.encode(form), as: UTF8.self))
        }
    }
}
