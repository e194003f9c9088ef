// The options that several commands share.

internal import ArgumentParser
internal import ClinicServer
internal import ClinicService
internal import ClinicStore
internal import Logging
internal import Monitoring
internal import PostgreSQL
internal import Scheduling
internal import TimeZones

/// Where the data is, and how to log.
struct StorageOptions: ParsableArguments {
    enum Name: String, OptionName {
        case dataDir = "data-dir"
        case database
        case migrateDatabase = "migrate-database"
        case waitForDatabase = "wait-for-database"
        case databasePasswordFile = "database-password-file"
        case allowUnsafeDurability = "allow-unsafe-durability"
        case config
        case logLevel = "log-level"
        case logFormat = "log-format"

        var isFlag: Bool { self == .allowUnsafeDurability }
    }

    @Option(
        name: Name.config.specification,
        help: ArgumentHelp(
            "A file with options, NAME = VALUE on each line; what is given on the command line or in the environment wins.",
            valueName: "file"))
    var config: String?

    @Option(
        name: Name.dataDir.specification,
        help: ArgumentHelp(
            "Where keys, the socket and the private PostgreSQL are kept (default: \(DataDirectory.standardPath)).",
            valueName: "directory"))
    var dataDir: String?

    @Option(
        name: Name.database.specification,
        help: ArgumentHelp(
            "A PostgreSQL 15 or newer to use instead of the private one, as a connection URL.",
            valueName: "url"))
    var database: String?

    @Option(
        name: Name.migrateDatabase.specification,
        help: ArgumentHelp(
            "The same database under the role that owns its tables, as a connection URL; --database is then of a role that "
                + "only serves and gets its rights from the owner.", valueName: "url"))
    var migrateDatabase: String?

    @Option(
        name: Name.waitForDatabase.specification,
        help: ArgumentHelp(
            "How long to wait at the start for a --database that does not accept connections yet (default: 60 to serve, "
                + "0 otherwise).", valueName: "seconds"))
    var waitForDatabase: Int?

    @Option(
        name: Name.databasePasswordFile.specification,
        help: ArgumentHelp(
            "A file whose first line is the password for --database, such as a secret mount.",
            valueName: "file"))
    var databasePasswordFile: String?

    @Flag(
        name: Name.allowUnsafeDurability.specification,
        help:
            "Serve also if PostgreSQL can lose acknowledged changes (fsync, full_page_writes or synchronous_commit off)."
    )
    var allowUnsafeDurability = false

    @Option(
        name: Name.logLevel.specification,
        help: ArgumentHelp(
            "What to log: trace, debug, info, notice, warning, error (default: info to serve, "
                + "warning otherwise).", valueName: "level"),
        transform: { text in
            guard let level = Logger.Level(rawValue: text) else {
                throw ValidationError("give trace, debug, info, notice, warning or error")
            }
            return level
        })
    var logLevel: Logger.Level?

    @Option(
        name: Name.logFormat.specification,
        help: ArgumentHelp("How log lines look: text or json.", valueName: "format"),
        transform: { text in
            guard let format = LogFormat(rawValue: text) else { throw ValidationError("give text or json") }
            return format
        })
    var logFormat = LogFormat.text

    func validate() throws {
        if migrateDatabase != nil, database == nil {
            throw ValidationError(
                "--migrate-database goes with --database; the private PostgreSQL has both roles")
        }
        if dataDir == "" { throw ValidationError("--data-dir needs the name of a directory") }
        if let waitForDatabase, !(0...86_400).contains(waitForDatabase) {
            throw ValidationError("--wait-for-database is 0 to 86400 seconds, not \(waitForDatabase)")
        }
    }

    /// The data directory, made if it is not there.
    func directory() throws -> DataDirectory {
        try DataDirectory(creating: dataDir ?? DataDirectory.standardPath)
    }

    /// Where the database is: the one that is named, or the private one in the data directory.
    func location(in directory: @autoclosure () throws -> DataDirectory) throws -> DatabaseLocation {
        guard let database else {
            if databasePasswordFile != nil {
                throw Failure("\(Name.databasePasswordFile.option) needs \(Name.database.option)")
            }
            return try .privateCluster(directory: directory().path)
        }
        guard let databasePasswordFile else { return .url(database, owner: migrateDatabase) }
        let password = try SecretFile.read(
            databasePasswordFile, option: Name.databasePasswordFile.option)
        return .url(Self.url(database, password: password), owner: migrateDatabase)
    }

    /// A connection URL, or libpq's other form `KEY=VALUE …`, with a password that wins over one in it.
    static func url(_ database: String, password: String) -> String {
        guard database.hasPrefix("postgresql://") || database.hasPrefix("postgres://") else {
            let quoted = password.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
            return "\(database) password='\(quoted)'"
        }
        let encoded = password.utf8.map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.utf8.count == 1 ? "0" + digits : digits)
        }.joined()
        return "\(database)\(database.contains("?") ? "&" : "?")password=\(encoded)"
    }

    /// Opens the database for a command that may run beside the daemon.
    func openBesideDaemon(settings: WantedSettings? = nil) async throws -> ClinicDatabase {
        do {
            return try await ClinicDatabase.openBesideServer(
                location(in: directory()), settings: settings,
                waitingFor: .seconds(waitForDatabase ?? 0), logger: logger()
            ) { pool in
                pool.allowsUnsafeDurability = allowUnsafeDurability
            }
        } catch let conflict as SettingsConflict {
            throw Failure(conflict)
        }
    }

    func logger(standardLevel: Logger.Level = .warning) -> Logger {
        var logger = Logger(label: "clinicd", factory: { LineLogHandler(label: $0, format: logFormat) })
        logger.logLevel = logLevel ?? standardLevel
        return logger
    }
}

/// The settings of the clinic that are stored with its data. An option that is left out means the stored value, and in a new clinic
/// the usual one.
struct ClinicOptions: ParsableArguments {
    enum Name: String, OptionName {
        case timeZone = "time-zone"
        case currency
        case gstBasisPoints = "gst-basis-points"
        case fullRefundBefore = "full-refund-before"
        case holdMinutes = "hold-minutes"
    }

    @Option(
        name: Name.timeZone.specification,
        help: ArgumentHelp(
            "The clinic's time zone, an IANA name (default: as stored; Australia/Sydney at the first start).",
            valueName: "name"))
    var timeZone: String?

    @Option(
        name: Name.currency.specification,
        help: ArgumentHelp(
            "The ISO 4217 code of all prices (default: as stored; AUD at the first start).", valueName: "code"
        ))
    var currency: String?

    @Option(
        name: Name.gstBasisPoints.specification,
        help: ArgumentHelp(
            "Goods and services tax in basis points; 1000 is ten per cent (default: as stored; 1000 at the first start).",
            valueName: "number"))
    var gstBasisPoints: Int64?

    @Option(
        name: Name.fullRefundBefore.specification,
        help: ArgumentHelp(
            "How many hours before the start a patient may leave a booking with a full refund (default: as stored; 24 at "
                + "the first start).", valueName: "hours"))
    var fullRefundBefore: Int64?

    @Option(
        name: Name.holdMinutes.specification,
        help: ArgumentHelp(
            "How many minutes a hold lasts (default: as stored; 10 at the first start).", valueName: "minutes"
        ))
    var holdMinutes: Int64?

    /// What the options ask for. Throws `Failure` when one is out of its range.
    func wanted() throws -> WantedSettings {
        if let gstBasisPoints, GSTRate(basisPoints: gstBasisPoints) == nil {
            throw Failure("--gst-basis-points is 0 to 10000, not \(gstBasisPoints)")
        }
        if let fullRefundBefore, !(0...8760).contains(fullRefundBefore) {
            throw Failure("--full-refund-before is 0 to 8760 hours, not \(fullRefundBefore)")
        }
        if let holdMinutes, !(1...1440).contains(holdMinutes) {
            throw Failure("--hold-minutes is 1 to 1440, not \(holdMinutes)")
        }
        if let currency, currency.utf8.count != 3 || !currency.utf8.allSatisfy({ (0x41...0x5A).contains($0) })
        {
            throw Failure("--currency is an ISO 4217 code such as AUD, not \"\(currency)\"")
        }
        if let timeZone {
            do { _ = try TimeZoneDatabase.load(timeZone) } catch { throw Failure("--time-zone: \(error)") }
        }
        var wanted = WantedSettings()
        wanted.timeZone = timeZone
        wanted.currency = currency
        wanted.gstBasisPoints = gstBasisPoints
        wanted.fullRefundSeconds = fullRefundBefore.map { $0 * 3_600 }
        wanted.holdSeconds = holdMinutes.map { $0 * 60 }
        return wanted
    }
}

extension Failure {
    /// An option that says something else than what is stored.
    init(_ conflict: SettingsConflict) {
        let (name, stored): (ClinicOptions.Name, String) =
            switch conflict.setting {
            case .timeZone: (.timeZone, conflict.stored)
            case .currency: (.currency, conflict.stored)
            case .gstBasisPoints: (.gstBasisPoints, conflict.stored)
            case .fullRefundSeconds: (.fullRefundBefore, Self.whole(conflict.stored, in: 3_600))
            case .holdSeconds: (.holdMinutes, Self.whole(conflict.stored, in: 60))
            }
        self.init(
            "\(name.option) is \(stored) in this clinic's database; leave the option out, or change the setting with "
                + "`clinicd configure \(name.option)`")
    }

    private static func whole(_ seconds: String, in unit: Int64) -> String {
        String((Int64(seconds) ?? 0) / unit)
    }
}

/// How passwords are hashed.
struct PasswordOptions: ParsableArguments {
    enum Name: String, OptionName {
        case bcryptCost = "bcrypt-cost"
    }

    @Option(
        name: Name.bcryptCost.specification,
        help: ArgumentHelp(
            "The cost of hashing a password, 4 to 16; each step doubles the time. A password that was hashed at another "
                + "cost is hashed anew when its user signs in.", valueName: "cost"))
    var bcryptCost = 12

    func validate() throws {
        guard (4...16).contains(bcryptCost) else {
            throw ValidationError("--bcrypt-cost is 4 to 16, not \(bcryptCost)")
        }
    }
}
