// Certificates for the tests, made once for each run by the `openssl` command, as an administrator would make them.

import Foundation
import Subprocess

/// A certificate authority with what it has signed, as PEM files in a directory of its own.
struct TestAuthority: Sendable {
    let directory: String

    func path(_ name: String) -> String { directory + "/" + name }

    var authorities: String { path("ca.pem") }
    /// A certificate for localhost and 127.0.0.1.
    var server: (file: String, key: String) { (path("server.pem"), path("server.key")) }
    /// A certificate for nobody's host, with the names of a program.
    var client: (file: String, key: String) { (path("client.pem"), path("client.key")) }

    static var shared: TestAuthority { get async throws { try await made.value } }
    /// Another one, which has the same names on its certificates.
    static var stranger: TestAuthority { get async throws { try await madeStranger.value } }

    private static let made = Task { try await make() }
    private static let madeStranger = Task { try await make() }

    private static func make() async throws -> TestAuthority {
        let directory = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
            .path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // Nobody is left to remove them at the end of a run; they are small, and in the temporary directory.
        let made = try await Command.run("bash", "-euc", script, "bash", directory)
        guard made.status == 0 else { throw Surprise("openssl could not make certificates: \(made)") }
        return TestAuthority(directory: directory)
    }

    private static let script = """
        cd "$1"
        key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
        sign() { # FILE KEY SUBJECT EXTENSION DAYS
          openssl req -new -key "$2" -subj "$3" |
            openssl x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days "$5" -extfile <(echo "$4") -out "$1"
        }
        for name in ca server client; do key $name.key; done
        openssl req -x509 -key ca.key -days 10 -subj '/CN=Authority' -addext basicConstraints=critical,CA:TRUE \\
          -out ca.pem
        names='subjectAltName=DNS:localhost,IP:127.0.0.1'
        sign server.pem server.key /CN=localhost "$names" 5
        sign expired.pem server.key /CN=localhost "$names" -1
        sign elsewhere.pem server.key /CN=localhost 'subjectAltName=DNS:elsewhere.example.org' 5
        sign client.pem client.key /CN=reception 'subjectAltName=email:desk@example.org,DNS:desk.example.org' 5
        openssl ec -in server.key -aes128 -passout pass:secret -out locked.key
        echo 'not a certificate' > text.pem
        """
}

/// What went wrong in a test's own preparations.
struct Surprise: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Other programs, run to their end.
enum Command {
    struct Outcome: Sendable {
        let status: Int32
        /// Standard output and standard error.
        let output: String
    }

    static func run(_ program: String, _ arguments: String..., input: String = "") async throws -> Outcome {
        let result = try await Subprocess.run(
            .name(program), arguments: Arguments(arguments), environment: environment, input: .string(input),
            output: .string(limit: 1 << 20), error: .combinedWithOutput)
        guard case .exited(let status) = result.terminationStatus else {
            throw Surprise("\(program) was killed")
        }
        return Outcome(status: status, output: result.standardOutput)
    }

    /// Runs a program that ends by itself after the body, which gets its lines one by one.
    static func serving(
        _ program: String, _ arguments: String...,
        body: (_ lines: () async throws -> String?) async throws -> Void
    ) async throws {
        _ = try await Subprocess.run(
            .name(program), arguments: Arguments(arguments), environment: environment, input: .inputWriter,
            output: .sequence, error: .discarded
        ) { execution in
            var lines = execution.standardOutput.strings().makeAsyncIterator()
            let result: Result<Void, any Error>
            do {
                result = .success(try await body { try await lines.next() })
            } catch {
                result = .failure(error)
            }
            // Some end with their input, so that stays open until here.
            try await execution.standardInputWriter.finish()
            try result.get()
        }
    }

    /// The system's programs before those of whoever runs the tests.
    private static let environment = Environment.custom([
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
    ])
}
