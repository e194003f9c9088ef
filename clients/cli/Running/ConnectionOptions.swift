// The options of every command, their defaults, and the settings derived from them.

internal import ArgumentParser
internal import Glibc
internal import OpenSSL
internal import RPC

/// The output format.
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
            "The time limit of a call, such as 10, 500ms or 2m. [environment: CLINIC_TIMEOUT; default: 10s]",
        transform: TimeoutText.parse)
    var timeout: Duration?
}

/// The settings of one run.
struct Settings {
    let address: Address
    /// For a `tls:` address.
    let tls: TLSContext?
    let output: OutputForm
    let timeout: Duration

    /// Uses the options, then the environment, then the defaults; throws a usage error for an invalid variable.
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

    /// Throws a usage error for unusable files. TLS variables are ignored for other addresses, TLS options are not.
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

/// Parsing of addresses.
enum AddressText {
    /// Parses an address. The error omits the text, which ArgumentParser prints anyway.
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

/// The default address of a server on this machine.
enum DefaultAddress {
    private static let tcp = Address.tcp(host: "127.0.0.1", port: 7411)

    /// The socket in clinicd's default data directory, or the default TCP port if the socket does not exist.
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

/// A directory of the XDG Base Directory Specification, which says to ignore relative paths; nil if HOME is not
/// set.
func baseDirectory(_ variable: String, _ fallback: String, _ console: Console) -> String? {
    if let directory = console.variable(variable), directory.hasPrefix("/") { return directory }
    return console.variable("HOME").map { $0 + "/" + fallback }
}

/// Parsing of timeouts.
enum TimeoutText {
    /// Parses a positive number of seconds, or a number with `ms`, `s` or `m`.
    static func parse(_ text: String) throws -> Duration {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text[digits.endIndex...]
        guard let number = Int32(digits), number > 0 else { throw invalidFormat }
        return switch unit {
        case "ms": .milliseconds(number)
        case "", "s": .seconds(number)
        case "m": .seconds(Int64(number) * 60)
        default: throw invalidFormat
        }
    }

    private static var invalidFormat: ValidationError {
        ValidationError("a timeout is a number above 0, in seconds or with the unit ms, s or m")
    }
}
