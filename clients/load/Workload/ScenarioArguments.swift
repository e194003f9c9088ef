// The command-line options of a scenario.

internal import ArgumentParser
internal import FoundationEssentials
internal import OpenSSL
internal import RPC

/// A scenario's mix, the amount of its data, and the administrator.
struct ScenarioArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The mix of calls: browse, book, pay, day, race or report.",
            discussion: """
                A scenario WRITES: it creates a department of its own with doctors, patients and bookings, all of them \
                named "Load test". Run it on a test deployment. It needs an administrator: --email, or the session \
                of `clinic login`.
                """, valueName: "name"),
        transform: {
            guard let mix = OperationMix.preset($0) else {
                throw ValidationError(
                    "the scenarios are " + OperationMix.presets.map(\.name).joined(separator: ", "))
            }
            return mix
        })
    var scenario: OperationMix?

    @Option(
        help: ArgumentHelp(
            "Instead of --scenario: operations and their shares, such as book=5,search=20,pay=3.",
            discussion: "Operations: " + Operation.allCases.map(\.rawValue).joined(separator: ", ") + ".",
            valueName: "shares"),
        transform: {
            do { return try OperationMix(parsing: $0) } catch { throw ValidationError("\(error)") }
        })
    var mix: OperationMix?

    @Option(help: "The administrator who creates the data; the password comes from CLINIC_PASSWORD.")
    var email: String?

    @Option(
        help: ArgumentHelp(
            "A file with the administrator's password; - is standard input.", valueName: "file"))
    var passwordFile: String?

    @Option(
        help: ArgumentHelp(
            "Without --email: the session file of `clinic login`. [environment: CLINIC_SESSION_FILE]",
            valueName: "file"))
    var sessionFile: String?

    @Option(help: "Doctors to create, 1 to 500; each has 288 slots a day.")
    var doctors = 40

    @Option(help: "Patients to create, at least as many as doctors; each costs the server a bcrypt hash.")
    var patients = 64

    @Option(
        help: "How many patients sign in and make their own calls; the administrator calls for the others.")
    var sessions = 4

    @Option(help: "The number of weeks of which half the slots are booked before the run, 0 to 3.")
    var fillWeeks = 0

    @Option(help: "The share of bookings that compete for hot slots, 0 to 1. [default: 1 for race, else 0]")
    var hotShare: Double?

    @Option(help: "The number of hot slots, 1 to 250.")
    var hotSlots = 8

    @Option(
        help: ArgumentHelp(
            "Administrators who watch all bookings during the run; each must see every change exactly once, 0 to 100.",
            valueName: "watchers"))
    var watchers = 0

    @Flag(
        help: "Remove the data afterwards: cancel the bookings, remove the doctors, erase the patients."
    )
    var cleanUp = false

    /// Whether a scenario is requested.
    var isGiven: Bool { scenario != nil || mix != nil }

    func validate() throws {
        guard scenario == nil || mix == nil else {
            throw ValidationError("choose one of --scenario and --mix")
        }
        try Self.check("--doctors", doctors, 1...500)
        try Self.check("--patients", patients, doctors...ScenarioGrid.maximumPatients)
        try Self.check("--sessions", sessions, 1...min(patients, 200))
        try Self.check("--fill-weeks", fillWeeks, 0...ScenarioGrid.weeks)
        try Self.check("--hot-slots", hotSlots, 1...ScenarioGrid.maximumHotSlots)
        try Self.check("--watchers", watchers, 0...100)
        guard watchers == 0 || isGiven else {
            throw ValidationError("--watchers requires --scenario or --mix")
        }
        guard hotShare.map({ (0...1).contains($0) }) ?? true else {
            throw ValidationError("--hot-share must be from 0 to 1")
        }
        guard passwordFile == nil || email != nil else {
            throw ValidationError("--password-file requires --email")
        }
    }

    private static func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
        guard range.contains(value) else {
            throw ValidationError("\(name) must be from \(range.lowerBound) to \(range.upperBound)")
        }
    }

    /// The options of the scenario for a deployment. Throws if the credentials are missing or unusable.
    func options(
        address: Address, tls: TLSContext?, seed: UInt64, seconds: Double, environment: [String: String],
        progress: @escaping @Sendable (String) -> Void
    ) throws -> ScenarioOptions {
        let mix = mix ?? scenario ?? OperationMix.day
        var options = ScenarioOptions(
            address: address, tls: tls,
            credentials: try CredentialSource(
                email: email, passwordFile: passwordFile, sessionFile: sessionFile, environment: environment,
                seconds: seconds
            ).credentials(),
            mix: mix, seed: seed)
        options.doctors = doctors
        options.patients = patients
        options.sessions = sessions
        options.fillWeeks = fillWeeks
        options.hotShare = hotShare ?? mix.hotShare
        options.hotSlots = hotSlots
        options.watchers = watchers
        options.cleansUp = cleanUp
        options.progress = progress
        return options
    }
}
