// `clinicd archive-events`.

internal import ArgumentParser
internal import ClinicServer
internal import ClinicStore
internal import Scheduling

struct ArchiveEventsCommand: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive-events", abstract: "Move old events of the audit trail to a file.",
        discussion: """
            Events are kept in partitions of ten million. The oldest partitions whose events were all written before the \
            day are copied to the file, one JSON object per line, read back and compared with the database, and then \
            dropped. The audit trail, ExportUserData and CheckConsistency begin after them from then on and say so, and \
            WatchBookings refuses older resume tokens. If anything fails, what is not in the file is still in the \
            database. It can run beside a daemon.

            Example:
              clinicd archive-events --before 2026-01-01 --to /backup/events-2025.jsonl
            """)

    enum Name: String, OptionName {
        case before
        case to
    }

    static let optionNames: [any OptionName] = Name.all + StorageOptions.Name.all

    @Option(
        name: Name.before.specification,
        help: ArgumentHelp(
            "The day, YYYY-MM-DD in UTC, before which the events were written.", valueName: "day"),
        transform: { text in
            guard let day = CivilDate(parsing: text) else {
                throw ValidationError("give a day as YYYY-MM-DD")
            }
            return day
        })
    var before: CivilDate

    @Option(
        name: Name.to.specification,
        help: ArgumentHelp("The file to write; there must be none of this name.", valueName: "file"))
    var to: String

    @OptionGroup var storage: StorageOptions

    func run() async throws {
        guard let start = Instant(secondsSinceEpoch: before.daysSinceEpoch * 86_400) else {
            throw Failure("--before \(before) is too far away")
        }
        let path = to
        let archived = try await storage.openBesideDaemon().closing { database in
            try await EventArchive.takeOut(of: database.url, before: start) {
                try ArchiveFile(creating: path)
            }
        }
        say(
            archived.partitions == 0
                ? "nothing to archive: no complete partition of ten million events is older than \(before)"
                : "moved \(archived.events) events in \(archived.partitions) partitions to \(path)")
    }
}
