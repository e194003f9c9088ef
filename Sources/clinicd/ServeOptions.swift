// The options of `clinicd serve`.

internal import ArgumentParser
internal import RPC

/// All that `clinicd serve` can be told.
struct ServeOptions: ParsableArguments {
    enum Name: String, OptionName {
        case listen
        case metrics
        case signingKeys = "signing-keys"
        case logFile = "log-file"

        var isRepeatable: Bool { self == .listen }
    }

    static let optionNames: [any OptionName] =
        Name.all + StorageOptions.Name.all + ClinicOptions.Name.all + PasswordOptions.Name.all
        + CertificateOptions.Name.all + PeerOptions.Name.all

    @OptionGroup var storage: StorageOptions
    @OptionGroup var clinic: ClinicOptions
    @OptionGroup var passwords: PasswordOptions

    @Option(
        name: Name.listen.specification,
        help: ArgumentHelp(
            "Where to listen, unix:PATH, tcp:HOST:PORT or tls:HOST:PORT; may be repeated (default: clinic.sock in "
                + "the data directory and tcp:127.0.0.1:7411).", valueName: "address"),
        transform: parseAddress)
    var listen: [Address] = []

    @OptionGroup var certificates: CertificateOptions
    @OptionGroup var peers: PeerOptions

    @Option(
        name: Name.metrics.specification,
        help: ArgumentHelp(
            "Where to answer GET /metrics, /healthz and /readyz over HTTP, HOST:PORT (default: nowhere).",
            valueName: "address"),
        transform: parseMetricsAddress)
    var metrics: MetricsAddress?

    @Option(
        name: Name.signingKeys.specification,
        help: ArgumentHelp(
            "The keys that tokens are signed with, the same file for all servers of a clinic: one key in base64 on each "
                + "line, the first signs; SIGHUP reads it again (default: signing-keys in the data directory).",
            valueName: "file"))
    var signingKeys: String?

    @Option(
        name: Name.logFile.specification,
        help: ArgumentHelp(
            "The file to which the log is appended, which SIGHUP opens anew (default: standard error).",
            valueName: "file"))
    var logFile: String?
}

private func parseAddress(_ text: String) throws -> Address {
    do throws(AddressError) {
        return try Address(parsing: text)
    } catch {
        throw ValidationError(error.reason)
    }
}

/// Where the pages about the service are.
struct MetricsAddress {
    let host: String
    let port: Int
}

private func parseMetricsAddress(_ text: String) throws -> MetricsAddress {
    guard case .tcp(let host, let port)? = try? Address(parsing: "tcp:" + text) else {
        throw ValidationError("give HOST:PORT, an IPv6 host in brackets")
    }
    return MetricsAddress(host: host, port: port)
}
