// `clinicd seed-demo`.

internal import ArgumentParser
internal import Bcrypt
internal import ClinicDemo
internal import ClinicServer
internal import ClinicService
internal import ClinicStore
internal import Scheduling

struct SeedDemoCommand: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "seed-demo", abstract: "Fill an empty database with an invented clinic.",
        discussion: """
            8 departments, 40 doctors, their patients, and weeks of bookings, payments, refunds and missed \
            appointments, up to now and ahead. The patients, such as alice.nguyen@example.org, sign in with the \
            password "\(DemoClinic.password)". Refuses a database that has departments already. If it is \
            interrupted, the database stays empty: run it again.

            Example:
              clinicd seed-demo --data-dir ./demo --weeks 4
            """)

    enum Name: String, OptionName {
        case weeks
    }

    static let optionNames: [any OptionName] =
        Name.all + StorageOptions.Name.all + ClinicOptions.Name.all + PasswordOptions.Name.all

    @Option(
        name: Name.weeks.specification,
        help: ArgumentHelp("How many weeks of history to make, at most 104.", valueName: "number"))
    var weeks: Int64 = 8

    @OptionGroup var storage: StorageOptions
    @OptionGroup var clinic: ClinicOptions
    @OptionGroup var passwords: PasswordOptions

    func validate() throws {
        guard (0...104).contains(weeks) else { throw ValidationError("--weeks is 0 to 104, not \(weeks)") }
    }

    func run() async throws {
        let wanted = try clinic.wanted()
        let passwords = try BcryptPool(cost: passwords.bcryptCost)
        let database = try await storage.openBesideDaemon(settings: wanted)
        let summary = try await database.closing { database in
            guard let stored = database.settings else { return "" }
            let clinic = try DemoClinic(
                settings: ClinicSettings(stored), now: .now, weeks: weeks,
                passwordHash: try await passwords.hash(DemoClinic.password))
            return try await Self.write(try clinic.history(), to: database.url)
        }
        say(summary)
    }

    /// Writes the history; returns a summary in one line.
    private static func write(_ history: ClinicHistory, to url: String) async throws -> String {
        let count = history.bookings.count
        do {
            try await history.write(to: url) { written in showProgress("\(written) of \(count) bookings") }
        } catch let refusal as HistoryRefusal {
            switch refusal {
            case .notEmpty, .usersExist:
                throw Failure("the database has departments already; seed-demo fills an empty one only")
            case .emailTaken(let email): throw Failure("\(email), a patient of the demo, is a user already")
            }
        }
        showProgress("")
        return
            "made \(history.departments.count) departments, \(history.doctors.count) doctors, "
            + "\(history.patients.count) patients and \(count) bookings"
    }
}
