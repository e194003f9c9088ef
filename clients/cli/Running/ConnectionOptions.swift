// The options that every command has, where their values come from when they are not given, and what follows from
// them: the server, the form of the output, the time allowed.

internal import ArgumentParser
internal import Glibc
internal import OpenSSL
internal import TTRPC

/// How answers are printed.
enum OutputForm: String, ExpressibleByArgument, CaseIterable {
    case table
    case json
}

/// The options of every command.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the server is: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT. [environment: CLINIC_ADDRESS]",
            discussion: "Default: clinic.sock in the data directory if it is there, else tcp:127.0.0.1:7411."),
        transform: AddressText.parse)
    var address: Address?

    @Option(
        help: ArgumentHelp(
            "The authorities of a tls: server, a PEM file. [environment: CLINIC_CA; default: the system's]",
            valueName: "file"))
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "Your certificate for a tls: server that asks for one, a PEM file. [environment: CLINIC_CERT]",
            valueName: "file"))
    var cert: String?

    @Option(
        help: ArgumentHelp(
            "The key of that certificate, a PEM file. [environment: CLINIC_KEY]", valueName: "file"))
    var key: String?

    @Option(help: "table for people, json for programs. [environment: CLINIC_OUTPUT; default: table]")
    var output: OutputForm?

    @Option(
        help:
            "The time allowed for a call, such as 10, 500ms or 2m. [environment: CLINIC_TIMEOUT; default: 10s]",
        transform: TimeoutText.parse)
    var timeout: Duration?
}

/// The values that hold for one run of a command.
struct Settings {
    let address: Address
    /// For a `tls:` address.
    let tls: TLSContext?
    let output: OutputForm
    let timeout: Duration

    /// Takes the options, else the environment, else the defaults; throws a usage error for a bad variable.
    init(_ options: ConnectionOptions, _ console: Console) throws {
        address =
            try options.address ?? Self.variable("CLINIC_ADDRESS", console, AddressText.parse)
            ?? DefaultAddress.find(console)
        tls = try Self.tls(for: address, options, console)
        timeout =
            try options.timeout ?? Self.variable("CLINIC_TIMEOUT", console, TimeoutText.parse) ?? .seconds(10)
        output =
            try options.output
            ?? Self.variable("CLINIC_OUTPUT", console) { text in
                guard let form = OutputForm(rawValue: text) else {
                    throw ValidationError("choose table or json")
                }
                return form
            } ?? .table
    }

    /// Throws a usage error for files that cannot be used. Variables may be there for other addresses.
    private static func tls(
        for address: Address, _ options: ConnectionOptions, _ console: Console
    ) throws(CommandFailure) -> TLSContext? {
        guard case .tls = address else {
            guard options.ca == nil, options.cert == nil, options.key == nil else {
                throw CommandFailure("--ca, --cert and --key are for a tls: address, not \(address)", .usage)
            }
            return nil
        }
        let certificate = options.cert ?? console.variable("CLINIC_CERT")
        let key = options.key ?? console.variable("CLINIC_KEY")
        guard (certificate == nil) == (key == nil) else {
            throw CommandFailure("--cert and --key go together", .usage)
        }
        do throws(TLSError) {
            return try TLSContext(
                authorities: options.ca ?? console.variable("CLINIC_CA"),
                certificate: certificate.flatMap { file in key.map { (file, $0) } })
        } catch {
            throw CommandFailure("\(error)", .usage)
        }
    }

    private static func variable<Value>(
        _ name: String, _ console: Console, _ parse: (String) throws -> Value
    ) throws -> Value? {
        guard let text = console.variable(name) else { return nil }
        do {
            return try parse(text)
        } catch {
            throw CommandFailure("\(name)=\(text) is not allowed: \(error)", .usage)
        }
    }
}

/// Addresses as people type them.
enum AddressText {
    /// An address in its notation; throws what is wrong with it, without the text, which is printed anyhow.
    static func parse(_ text: String) throws -> Address {
        do {
            return try Address(parsing: text)
        } catch {
            let reason = "\(error)"
            throw ValidationError(
                reason.hasPrefix("\(text): ") ? String(reason.dropFirst(text.count + 2)) : reason)
        }
    }
}

/// Where a server of this machine listens.
enum DefaultAddress {
    private static let tcp = Address.tcp(host: "127.0.0.1", port: 7411)

    /// The socket in the data directory that clinicd takes by default, or the default port if it is not there.
    static func find(_ console: Console) -> Address {
        guard let directory = dataDirectory(console) else { return tcp }
        let path = directory + "/clinic.sock"
        return path.utf8.count <= Address.maximumPathBytes && access(path, F_OK) == 0
            ? .unix(path: path) : tcp
    }

    private static func dataDirectory(_ console: Console) -> String? {
        if geteuid() == 0 { return "/var/lib/clinic" }
        return baseDirectory("XDG_DATA_HOME", ".local/share", console).map { $0 + "/clinic" }
    }
}

/// A directory of the XDG Base Directory Specification, which says to ignore a relative one; nil without a home.
func baseDirectory(_ variable: String, _ fallback: String, _ console: Console) -> String? {
    if let directory = console.variable(variable), directory.hasPrefix("/") { return directory }
    return console.variable("HOME").map { $0 + "/" + fallback }
}

/// Lengths of time as people type them.
enum TimeoutText {
    /// Seconds, or a number with `ms`, `s` or `m`; positive.
    static func parse(_ text: String) throws -> Duration {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text[digits.endIndex...]
        guard let number = Int32(digits), number > 0 else { throw wrong }
        return switch unit {
        case "ms": .milliseconds(number)
        case "", "s": .seconds(number)
        case "m": .seconds(Int64(number) * 60)
        default: throw wrong
        }
    }

    private static var wrong: ValidationError {
        ValidationError("a time is a number of seconds above 0, or has ms, s or m behind it")
    }
}
