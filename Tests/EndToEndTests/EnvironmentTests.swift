// Every option of the daemon can come from the environment, and is complained about by the name it came under.

import ClinicClient
import ClinicMessages
import Foundation
import RPC
import RPCMessages
import TestCluster
import Testing

@Suite(.seated)
struct EnvironmentTests {
    /// For every option of `serve` a value that is refused, and what is said about it.
    static let badValues = [
        "CLINIC_DATA_DIR": ("/proc/nothing/here", "cannot make the data directory"),
        "CLINIC_DATABASE": ("no such thing", "it looks like postgresql://"),
        "CLINIC_MIGRATE_DATABASE": ("postgresql://x@/y", "CLINIC_MIGRATE_DATABASE goes with --database"),
        "CLINIC_DATABASE_PASSWORD_FILE": ("/nowhere", "CLINIC_DATABASE_PASSWORD_FILE needs --database"),
        "CLINIC_SIGNING_KEYS": ("/nowhere", "the signing keys /nowhere: there is no such file"),
        "CLINIC_CONFIG": ("/nowhere", "the configuration file /nowhere cannot be read"),
        "CLINIC_LOG_FILE": ("/proc/nothing/log", "the log file /proc/nothing/log cannot be opened"),
        "CLINIC_LOG_LEVEL": ("loud", "'CLINIC_LOG_LEVEL': give trace"),
        "CLINIC_LOG_FORMAT": ("xml", "'CLINIC_LOG_FORMAT': give text or json"),
        "CLINIC_METRICS": ("9464", "'CLINIC_METRICS': give HOST:PORT"),
        "CLINIC_TIME_ZONE": ("Mars/Olympus", "CLINIC_TIME_ZONE: the time zone"),
        "CLINIC_CURRENCY": ("dollars", "CLINIC_CURRENCY is an ISO 4217 code"),
        "CLINIC_GST_BASIS_POINTS": ("-1", "CLINIC_GST_BASIS_POINTS is 0 to 10000"),
        "CLINIC_FULL_REFUND_BEFORE": ("9000", "CLINIC_FULL_REFUND_BEFORE is 0 to 8760"),
        "CLINIC_HOLD_MINUTES": ("0", "CLINIC_HOLD_MINUTES is 1 to 1440"),
        "CLINIC_DEFAULT_TIMEOUT": ("0", "CLINIC_DEFAULT_TIMEOUT is 1 to 3600"),
        "CLINIC_BCRYPT_COST": ("much", "'CLINIC_BCRYPT_COST'"),
        "CLINIC_TLS_CERT": ("server.pem", "CLINIC_TLS_CERT needs --tls-key"),
        "CLINIC_TLS_KEY": ("server.key", "CLINIC_TLS_KEY needs --tls-cert"),
        "CLINIC_TLS_CLIENT_CA": ("ca.pem", "CLINIC_TLS_CLIENT_CA needs --tls-cert and --tls-key"),
        "CLINIC_TLS_CRL": ("crl.pem", "CLINIC_TLS_CRL needs --tls-client-ca"),
        "CLINIC_ANONYMOUS": ("login,flying", "\"flying\" is not one of health"),
        "CLINIC_TLS_CLIENT_NAME": ("desk", "CLINIC_TLS_CLIENT_NAME needs --tls-client-ca"),
        "CLINIC_ALLOW_UID": ("0,root", "'root' is invalid for 'CLINIC_ALLOW_UID'"),
        "CLINIC_TRUSTED_PROXY": ("10.0.0.0/8,nowhere", "'nowhere' is invalid for 'CLINIC_TRUSTED_PROXY"),
        "CLINIC_PROXY_PROTOCOL_FROM": ("name:x", "'name:x' is invalid for 'CLINIC_PROXY_PROTOCOL_FROM"),
        "CLINIC_MAX_CONNECTIONS": ("0", "CLINIC_MAX_CONNECTIONS is 16 to 1000000"),
        "CLINIC_MAX_CONNECTIONS_PER_ADDRESS": ("0", "CLINIC_MAX_CONNECTIONS_PER_ADDRESS is 1 to 1000000"),
        "CLINIC_MAX_HANDSHAKES_PER_ADDRESS": ("0", "CLINIC_MAX_HANDSHAKES_PER_ADDRESS is 1 to 1000000"),
        "CLINIC_RATE_LIMIT": ("changes=50/s,reads=often", "'reads=often' is invalid for 'CLINIC_RATE_LIMIT"),
        "CLINIC_SOCKET_MODE": ("rw", "'CLINIC_SOCKET_MODE': give an octal mode"),
        "CLINIC_SOCKET_GROUP": ("no-such-group", "'CLINIC_SOCKET_GROUP': there is no group"),
        "CLINIC_DRAIN_TIME": ("-1", "CLINIC_DRAIN_TIME is 0 to 3600 seconds"),
        "CLINIC_SESSION_DAYS": ("0", "CLINIC_SESSION_DAYS is 1 to 3650 days"),
        "CLINIC_ACCESS_LOG_DAYS": ("1", "CLINIC_ACCESS_LOG_DAYS is 30 to 3650 days"),
        "CLINIC_PROTOCOLS": ("ttrpc,smtp", "\"smtp\" is not one of ttrpc, grpc, grpc-web, connect"),
        "CLINIC_ALLOW_ORIGIN": ("clinic.example.org", "an origin is http:// or https:// with a host"),
        "CLINIC_HOST_NAME": ("clinic.example.org:80", "a host name has letters, digits, dots and hyphens"),
        "CLINIC_MAX_OPEN_BOOKINGS": ("0", "CLINIC_MAX_OPEN_BOOKINGS is 1 to 100000"),
        "CLINIC_WAIT_FOR_DATABASE": ("-1", "CLINIC_WAIT_FOR_DATABASE is 0 to 86400 seconds"),
        "CLINIC_LISTEN": ("tcp:127.0.0.1:0,nowhere", "'nowhere' is invalid for 'CLINIC_LISTEN'"),
    ]

    @Test(arguments: badValues.keys.sorted())
    func `a variable is complained about by its name`(_ variable: String) async throws {
        let (value, words) = try #require(Self.badValues[variable])
        let clinic = try Installation.empty()
        let ending = try await Program.run(
            "clinicd", ["serve"],
            environment: ["CLINIC_DATA_DIR": clinic.directory].merging([variable: value]) { $1 },
            within: .seconds(10))
        expectComplaint(ending, words)
    }

    @Test func `no option of serve is without its variable`() async throws {
        let help = try await Program.run("clinicd", ["serve", "--help"]).output
        let options = help.split(separator: "\n").compactMap { line in
            line.firstMatch(of: /^  --([a-z-]+) </).map { String($0.output.1) }
        }
        let variables = options.map { "CLINIC_" + $0.uppercased().replacing("-", with: "_") }
        #expect(Set(variables) == Set(Self.badValues.keys))
    }

    @Test func `a variable that is nearly an option is warned about`() async throws {
        let clinic = try await Installation.withDatabase()
        let daemon = try await clinic.serve(
            environment: [
                "CLINIC_TIMEZONE": "Australia/Perth", "CLINIC_DRIAN_TIME": "3", "CLINIC_ADDRESS": "unix:/x",
                "CLINIC_ZZZZZZZZZZ": "1",
            ])
        let warnings = try await daemon.stop().errorLines.filter { $0.contains(" warning ") }
        #expect(warnings.count == 2)
        #expect(
            warnings.contains {
                $0.hasSuffix("is not known did_you_mean=CLINIC_TIME_ZONE variable=CLINIC_TIMEZONE")
            }, "\(warnings)")
        #expect(warnings.contains { $0.contains("CLINIC_DRAIN_TIME") })
    }

    @Test func `a list of listeners comes with commas`() async throws {
        let clinic = try await Installation.withDatabase()
        let daemon = try Program(
            "clinicd", ["serve"],
            environment: [
                "CLINIC_DATA_DIR": clinic.directory, "CLINIC_DATABASE": clinic.database ?? "",
                "CLINIC_LISTEN": "\(clinic.socket),tcp:127.0.0.1:0",
                "CLINIC_BCRYPT_COST": "4", "CLINIC_LOG_LEVEL": "", "CLINIC_CURRENCY": "NZD",
            ])
        try await daemon.line(with: "listening on tcp:127.0.0.1:")
        let health = try await clinic.client().call(HealthMethods.check, HealthCheckRequest())
        #expect(health.status == .serving)
        #expect(try await daemon.stop().outputLines.count == 2)
    }

    @Test func `an option that is given wins`() async throws {
        let clinic = try Installation.empty()
        let ending = try await Program.run(
            "clinicd",
            ["serve", "--data-dir=\(clinic.directory)", "--bcrypt-cost", "4", "--time-zone", "Nowhere"],
            environment: [
                "CLINIC_BCRYPT_COST": "much", "CLINIC_DATA_DIR": "/proc/nothing/here",
                "CLINIC_TIME_ZONE": "Mars/Olympus",
            ])
        expectComplaint(ending, "--time-zone: the time zone \"Nowhere\" is unknown")
        #expect(
            try await Program.run("clinicd", ["--version"], environment: ["CLINIC_LISTEN": "x"]).status == 0)
    }

    @Test func `the other commands read the environment too`() async throws {
        let url = try await TestCluster.makeDatabase()
        let ending = try await Program.run(
            "clinicd", ["create-admin"],
            environment: [
                "CLINIC_DATABASE": url, "CLINIC_EMAIL": "ann@example.org", "CLINIC_BCRYPT_COST": "4",
                "CLINIC_LISTEN": "belongs to serve",
            ], input: "correct horse\n")
        #expect(ending.output == "clinicd: ann@example.org is an administrator (user 1)\n")
    }
}
