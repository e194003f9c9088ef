// `clinicd import-legacy`.

internal import ArgumentParser
internal import ClinicServer
internal import ClinicService
internal import ClinicStore
internal import LegacyImport
internal import Scheduling

struct ImportLegacyCommand: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "import-legacy",
        abstract: "Bring the database of the old REST service into an empty clinic.",
        discussion: """
            Reads the tables users, department, doctor, booking and transaction of a PostgreSQL and writes all of them in \
            one transaction, or nothing. Ids, passwords and amounts stay. Run it before create-admin, on a database without \
            departments and users; administrators of the old service are administrators of this one.

            Rules for every row: visits that are over and were not cancelled have taken place; a refunded booking is \
            cancelled; of two bookings that overlap for a doctor or a patient the paid one stays, or else the one with \
            the lower id, and the other is cancelled. Whatever else is changed, left out or odd is in the report, row by \
            row. Where amounts do not add up nothing is written, unless --accept-differences is given; then the total \
            counts.

            Examples:
              clinicd import-legacy --from postgresql://reader@old.example.org/clinic --dry-run --report findings.csv
              clinicd import-legacy --from postgresql://reader@old.example.org/clinic --report report.csv
            """)

    enum Name: String, OptionName {
        case from
        case dryRun = "dry-run"
        case report
        case acceptDifferences = "accept-differences"
        case slotMinutes = "slot-minutes"

        var isFlag: Bool { self == .dryRun || self == .acceptDifferences }
    }

    static let optionNames: [any OptionName] =
        Name.all + StorageOptions.Name.all + ClinicOptions.Name.all

    @Option(
        name: Name.from.specification,
        help: ArgumentHelp("The old database, as a connection URL. It is only read.", valueName: "url"))
    var from: String

    @Flag(
        name: Name.dryRun.specification,
        help: "Try it: write everything into the clinic's database and undo it.")
    var dryRun = false

    @Option(
        name: Name.report.specification,
        help: ArgumentHelp(
            "Write a line of CSV for each finding to this file; there must be none of this name.",
            valueName: "file"))
    var report: String?

    @Flag(
        name: Name.acceptDifferences.specification,
        help: "Import although the amounts of some transactions do not add up; the total counts.")
    var acceptDifferences = false

    @Option(
        name: Name.slotMinutes.specification,
        help: ArgumentHelp(
            "How long the visits of all doctors last, 5 to 240 minutes; the old database does not say.",
            valueName: "minutes"))
    var slotMinutes: Int64 = 30

    @OptionGroup var storage: StorageOptions
    @OptionGroup var clinic: ClinicOptions

    func validate() throws {
        guard slotMinutes > 0, SlotGrid(slotMinutes: slotMinutes) != nil else {
            throw ValidationError("--slot-minutes is 5 to 240, not \(slotMinutes)")
        }
    }

    func run() async throws {
        let wanted = try clinic.wanted()
        guard let grid = SlotGrid(slotMinutes: slotMinutes) else { return }
        let file = try report.map { try ArchiveFile(creating: $0) }
        let rows: LegacyRows
        do {
            rows = try await LegacyRows.read(from: from)
        } catch {
            throw Failure("the old database cannot be read: \(explanation(of: error))")
        }
        let database = try await storage.openBesideDaemon(settings: wanted)
        let summary = try await database.closing { database in
            guard let stored = database.settings else { return "" }
            let rules = LegacyImport(settings: try ClinicSettings(stored), now: .now, grid: grid)
            let (history, report) = try rules.translate(rows)
            try file?.append(report.csv)
            try file?.synchronize()
            try check(report)
            try await write(history, to: database.url)
            return line(on: history, report)
        }
        say(summary)
    }

    /// Throws a `Failure` where the amounts must not be taken as they are.
    private func check(_ report: ImportReport) throws {
        let differences = report.count(.difference)
        guard differences > 0, !acceptDifferences else { return }
        let first = report.lines.first { $0.outcome == .difference }
        throw Failure(
            "the amounts of \(differences) transactions do not add up, the first is transaction \(first?.id ?? 0): "
                + "\(first?.explanation ?? ""); nothing was imported. Look at them with --report, then correct them or "
                + "run it with --accept-differences")
    }

    private func write(_ history: ClinicHistory, to url: String) async throws {
        let count = history.bookings.count
        do {
            try await history.write(to: url, isTrial: dryRun) { written in
                showProgress("\(written) of \(count) bookings")
            }
        } catch let refusal as HistoryRefusal {
            switch refusal {
            case .notEmpty:
                throw Failure("the database has departments already; import-legacy fills an empty one only")
            case .usersExist, .emailTaken:
                throw Failure(
                    "the database has users already, and those of the old one keep their ids; import into an empty "
                        + "database, before create-admin")
            }
        }
        showProgress("")
    }

    private func line(on history: ClinicHistory, _ report: ImportReport) -> String {
        func amount(_ cents: Int64) -> String {
            "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
        }
        let counts = ImportReport.Outcome.allCases.map { "\(report.count($0)) \($0.rawValue)" }
        return (dryRun ? "tried, and undone: " : "imported ")
            + "\(history.patients.count) users, \(history.departments.count) departments, "
            + "\(history.doctors.count) doctors, \(history.bookings.count) bookings; "
            + "paid \(amount(report.after.paid)) of \(amount(report.before.paid)), "
            + "given back \(amount(report.after.refunded)) of \(amount(report.before.refunded)); "
            + "findings: " + counts.joined(separator: ", ")
    }
}
