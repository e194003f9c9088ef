// The options of every command and their defaults.

internal import ArgumentParser
internal import ClinicClient
internal import Glibc
internal import RPC

/// The options of every command.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The settings of this name in the configuration file; `clinic config` shows them. [environment: CLINIC_PROFILE]",
            valueName: "name"))
    var profile: String?

    @Option(
        help: ArgumentHelp(
            "Where the server is: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT; several of them with commas between. [environment: CLINIC_ADDRESS]",
            discussion: """
                Of several servers the first that answers is used, and the next when it goes away. Default: clinic.sock in \
                the data directory if it is there, else tcp:127.0.0.1:7411.
                """),
        transform: AddressText.parse)
    var address: ServerAddresses?

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

    @OptionGroup var display: DisplayOptions

    @Option(
        help:
            "The time limit of a call with its retries, such as 10, 500ms or 2m. [environment: CLINIC_TIMEOUT; default: 10s]",
        transform: TimeoutText.parse)
    var timeout: Duration?
}

/// Parsing of addresses.
enum AddressText {
    /// Parses addresses. The error omits the text, which ArgumentParser prints anyway.
    static func parse(_ text: String) throws -> ServerAddresses {
        do {
            return try ServerAddresses(parsing: text)
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
    static func find(_ console: Console) -> ServerAddresses {
        guard let directory = dataDirectory(console) else { return ServerAddresses(tcp) }
        let path = directory + "/clinic.sock"
        let isThere = path.utf8.count <= Address.maximumPathBytes && access(path, F_OK) == 0
        return ServerAddresses(isThere ? .unix(path: path) : tcp)
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
    /// A timeout as it is typed.
    static func text(_ timeout: Duration) -> String {
        let (seconds, attoseconds) = timeout.components
        return attoseconds == 0 ? "\(seconds)s" : "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000)ms"
    }

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
