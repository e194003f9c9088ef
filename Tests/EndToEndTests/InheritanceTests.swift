// What the environment says to libpq is for other programs: neither the private PostgreSQL nor a named one is reached with it.

import Foundation
import TestCluster
import Testing

@Suite(.seated)
struct InheritanceTests {
    /// Each parameter of libpq that a variable can set, with a value that keeps a connection from being made or changes what
    /// it does.
    static let variables = [
        "PGHOST": "/nowhere", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGDATABASE": "nothing",
        "PGUSER": "nobody-of-that-name", "PGPASSWORD": "hush", "PGPASSFILE": "/nowhere/pass",
        "PGSERVICE": "nowhere", "PGSERVICEFILE": "/nowhere/services", "PGSYSCONFDIR": "/nowhere",
        "PGOPTIONS": "-c default_transaction_read_only=on -c synchronous_commit=off", "PGAPPNAME": "other",
        "PGSSLMODE": "verify-full", "PGREQUIRESSL": "1", "PGSSLROOTCERT": "/nowhere/root",
        "PGSSLCERT": "/nowhere/cert", "PGSSLKEY": "/nowhere/key", "PGSSLCRL": "/nowhere/crl",
        "PGSSLMINPROTOCOLVERSION": "TLSv9", "PGREQUIREPEER": "nobody", "PGKRBSRVNAME": "none",
        "PGGSSENCMODE": "require", "PGCHANNELBINDING": "require", "PGCONNECT_TIMEOUT": "1",
        "PGCLIENTENCODING": "SQL_ASCII", "PGTARGETSESSIONATTRS": "standby", "PGDATESTYLE": "German",
        "PGTZ": "Pacific/Apia", "PGGEQO": "off", "PGDATA": "/nowhere",
    ]

    @Test func `a private PostgreSQL is made and reached whatever the environment says`() async throws {
        let clinic = try Installation.empty()
        try await clinic.serving(environment: Self.variables) { daemon in
            _ = try await clinic.signUp("ann@example.org")
            let line = try await daemon.line(with: "variables for PostgreSQL", on: .errors)
            for variable in ["PGHOSTADDR", "PGOPTIONS", "PGSERVICE", "PGTZ"] {
                #expect(line.contains(variable), "\(line)")
            }
            #expect(!line.contains("hush"))
        }
    }

    @Test func `a named database is reached by its URL alone`() async throws {
        let clinic = try await Installation.withDatabase()
        try await clinic.serving(environment: Self.variables) { _ in
            _ = try await clinic.signUp("ann@example.org")
        }
    }

    @Test(arguments: ["a,b", "a \"b\" c", "host=a user=b", "a%20b's"])
    func `a data directory may have any name`(name: String) async throws {
        let clinic = Installation(directory: try Installation.empty().directory + "/" + name)
        try await clinic.serving { _ in
            _ = try await clinic.signUp("ann@example.org")
            // Beside the daemon, by what the directory says of its server.
            let made = try await clinic.createAdministrator("boss@example.org")
            #expect(made.status == 0, "\(made)")
        }
    }
}
