// The server and the caller, with the same addresses, files and session as the command line `clinic`.

internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc
internal import OpenSSL
internal import ProgramInput
internal import ProtobufC
internal import RPC

/// The server and the caller.
struct TargetOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the server is: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT. [environment: CLINIC_ADDRESS]",
            discussion: "Default: clinic.sock in the data directory if it is there, else tcp:127.0.0.1:7411."),
        transform: { try Address(parsing: $0) })
    var address: Address?

    @Option(
        help: ArgumentHelp(
            "The authorities of a tls: server, a PEM file. [environment: CLINIC_CA; default: the system's]",
            valueName: "file"))
    var ca: String?

    @Option(
        help: ArgumentHelp(
            "Your certificate for a tls: server that asks for one. [environment: CLINIC_CERT]",
            valueName: "file"))
    var cert: String?

    @Option(help: ArgumentHelp("The key of that certificate. [environment: CLINIC_KEY]", valueName: "file"))
    var key: String?

    @Option(
        help: ArgumentHelp(
            "A file with the access token for --call; without it, the token of `clinic login`.",
            valueName: "file"))
    var tokenFile: String?

    /// The address and its TLS context; throws a `LoadFailure` for unusable options.
    func target(_ environment: [String: String]) throws -> (address: Address, tls: TLSContext?) {
        let address =
            try address ?? environment["CLINIC_ADDRESS"].map { try Address(parsing: $0) }
            ?? Self.defaultAddress(environment)
        guard case .tls = address else { return (address, nil) }
        let certificate = cert ?? environment["CLINIC_CERT"]
        let key = key ?? environment["CLINIC_KEY"]
        guard (certificate == nil) == (key == nil) else {
            throw LoadFailure("--cert and --key require each other", .usage)
        }
        do {
            return (
                address,
                try TLSContext(
                    authorities: ca ?? environment["CLINIC_CA"],
                    certificate: certificate.flatMap { file in key.map { (file, $0) } })
            )
        } catch {
            throw LoadFailure("\(error)", .usage)
        }
    }

    private static func defaultAddress(_ environment: [String: String]) -> Address {
        let data = environment["XDG_DATA_HOME"] ?? environment["HOME"].map { $0 + "/.local/share" }
        let directory = geteuid() == 0 ? "/var/lib/clinic" : data.map { $0 + "/clinic" }
        if let path = directory.map({ $0 + "/clinic.sock" }), access(path, F_OK) == 0 {
            return .unix(path: path)
        }
        return .tcp(host: "127.0.0.1", port: 7411)
    }

    /// The token from the file, or from a session of `clinic login` for this address that has not expired.
    func token(for address: Address, sessionFile: String?, _ environment: [String: String]) throws -> String?
    {
        if let tokenFile {
            guard let bytes = FileManager.default.contents(atPath: tokenFile),
                let line = try ProgramInput.firstLine(ofFile: bytes, from: tokenFile)
            else { throw LoadFailure("there is no token in \(tokenFile)", .usage) }
            return line
        }
        let state = environment["XDG_STATE_HOME"] ?? environment["HOME"].map { $0 + "/.local/state" }
        let path =
            sessionFile ?? environment["CLINIC_SESSION_FILE"] ?? state.map { $0 + "/clinic/session.json" }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let path, let bytes = FileManager.default.contents(atPath: path),
            let session = try? decoder.decode(StoredSession.self, from: bytes),
            session.address == Self.name(of: address), !session.hasExpired
        else { return nil }
        return session.token
    }

    /// The address in the form that `clinic login` stores.
    private static func name(of address: Address) -> String {
        if case .unix(let path) = address, !path.hasPrefix("/") {
            return Address.unix(path: FileManager.default.currentDirectoryPath + "/" + path).description
        }
        return address.description
    }

    private struct StoredSession: Decodable {
        let address: String
        let token: String
        let expireTime: String

        var hasExpired: Bool {
            (try? Date(expireTime, strategy: .iso8601)).map { $0 <= Date() } ?? false
        }
    }
}
