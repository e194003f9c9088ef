// The options that several commands share, and what they mean.

internal import ArgumentParser
internal import ClinicService
internal import Logging
internal import Monitoring
internal import PostgreSQL
internal import RPC
internal import Scheduling

/// Where the data is.
struct StorageOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where keys, the socket and the private PostgreSQL are kept (default: \(DataDirectory.standardPath)).",
            valueName: "directory"))
    var dataDir: String?

    @Option(
        help: ArgumentHelp(
            "A PostgreSQL 15 or newer to use instead of the private one, as a connection URL.",
            valueName: "url"))
    var database: String?

    @Option(
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
        help: ArgumentHelp("How log lines look: text or json.", valueName: "format"),
        transform: { text in
            guard let format = LogFormat(rawValue: text) else { throw ValidationError("give text or json") }
            return format
        })
    var logFormat = LogFormat.text

    func validate() throws {
        if dataDir == "" { throw ValidationError("--data-dir needs the name of a directory") }
    }

    /// The data directory, made if it is not there.
    func directory() throws -> DataDirectory {
        try DataDirectory(creating: dataDir ?? DataDirectory.standardPath)
    }

    func logger(standardLevel: Logger.Level = .warning) -> Logger {
        var logger = Logger(label: "clinicd", factory: { LineLogHandler(label: $0, format: logFormat) })
        logger.logLevel = logLevel ?? standardLevel
        return logger
    }
}

/// What kind of clinic this is.
struct ClinicOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The clinic's time zone, an IANA name.", valueName: "name"))
    var timeZone = "Australia/Sydney"

    @Option(help: ArgumentHelp("The ISO 4217 code of all prices.", valueName: "code"))
    var currency = "AUD"

    @Option(
        help: ArgumentHelp(
            "Goods and services tax in basis points; 1000 is ten per cent.", valueName: "number"))
    var gstBasisPoints: Int64 = 1000

    @Option(
        help: ArgumentHelp(
            "How many hours before the start a patient's cancellation still returns the payment.",
            valueName: "hours"))
    var fullRefundBefore: Int64 = 24

    @Option(help: ArgumentHelp("How many minutes a hold lasts.", valueName: "minutes"))
    var holdMinutes: Int64 = Hold.standardDuration / 60

    func settings() throws -> ClinicSettings {
        guard let gst = GSTRate(basisPoints: gstBasisPoints) else {
            throw Failure("--gst-basis-points is 0 to 10000, not \(gstBasisPoints)")
        }
        guard (0...8760).contains(fullRefundBefore) else {
            throw Failure("--full-refund-before is 0 to 8760 hours, not \(fullRefundBefore)")
        }
        guard (1...1440).contains(holdMinutes) else {
            throw Failure("--hold-minutes is 1 to 1440, not \(holdMinutes)")
        }
        guard currency.utf8.count == 3, currency.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
            throw Failure("--currency is an ISO 4217 code such as AUD, not \"\(currency)\"")
        }
        let zone: TimeZoneRules
        do { zone = try TimeZoneDatabase.load(timeZone) } catch { throw Failure("--time-zone: \(error)") }
        return ClinicSettings(
            zone: zone, currency: currency, gst: gst, fullRefundBefore: fullRefundBefore * 3600,
            holdDuration: holdMinutes * 60)
    }
}

/// What the server allows those who connect to it.
struct PeerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Let only processes of this user id connect through Unix sockets; may be repeated (default: whoever may "
                + "open the socket's file).", valueName: "uid"))
    var allowUid: [UInt32] = []

    @Option(
        help: ArgumentHelp(
            "How many seconds calls in flight may go on after SIGTERM, 0 to 3600.", valueName: "seconds"))
    var drainTime: Int64 = 10

    @Option(
        help: ArgumentHelp(
            "How many seconds a call may take that sets no timeout, 1 to 3600.", valueName: "seconds"))
    var defaultTimeout: Int64 = 30

    func validate() throws {
        guard (0...3600).contains(drainTime) else {
            throw ValidationError("--drain-time is 0 to 3600 seconds, not \(drainTime)")
        }
        guard (1...3600).contains(defaultTimeout) else {
            throw ValidationError("--default-timeout is 1 to 3600 seconds, not \(defaultTimeout)")
        }
    }

    var serverConfiguration: ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.allowedUserIDs = Set(allowUid)
        configuration.drainTime = .seconds(drainTime)
        configuration.defaultTimeout = .seconds(defaultTimeout)
        return configuration
    }
}

/// How passwords are hashed.
struct PasswordOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The work of hashing a password, 4 to 31; each step doubles it.", valueName: "cost"))
    var bcryptCost = 12

    func validate() throws {
        guard (4...31).contains(bcryptCost) else {
            throw ValidationError("--bcrypt-cost is 4 to 31, not \(bcryptCost)")
        }
    }
}
