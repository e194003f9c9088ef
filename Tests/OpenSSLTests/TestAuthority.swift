// Certificates for the tests, made once per run by the `openssl` command.

import Foundation
import Subprocess

/// A certificate authority and the certificates it signed, as PEM files in a directory of its own.
struct TestAuthority: Sendable {
    let directory: String

    func path(_ name: String) -> String { directory + "/" + name }

    var authorities: String { path("ca.pem") }
    /// A certificate for localhost and 127.0.0.1.
    var server: (file: String, key: String) { (path("server.pem"), path("server.key")) }
    /// A client certificate, valid for no host.
    var client: (file: String, key: String) { (path("client.pem"), path("client.key")) }

    /// A certificate for the client's key that expires in `seconds`.
    func client(endingIn seconds: Int) async throws -> (file: String, key: String) {
        let name = "client-\(UUID().uuidString)"
        let script = """
            set -e; mkdir "$1/$2"; cd "$1/$2"; : >index
            printf '%s\\n' '[ca]' 'default_ca=one' '[one]' database=index policy=names default_md=sha256 \
                rand_serial=yes new_certs_dir=. '[names]' commonName=supplied >configuration
            openssl req -new -key ../client.key -subj /CN=brief -out request
            openssl ca -batch -config configuration -cert ../ca.pem -keyfile ../ca.key -in request -notext \
                -enddate "$(date -u -d "+$3 seconds" +%y%m%d%H%M%SZ)" -out client.pem
            """
        let made = try await Command.run("bash", "-c", script, "bash", directory, name, "\(seconds)")
        guard made.status == 0 else { throw SetupFailure("openssl could not make a certificate: \(made)") }
        return (path(name + "/client.pem"), client.key)
    }

    static var shared: TestAuthority { get async throws { try await made.value } }
    /// A second authority, with the same names on its certificates.
    static var stranger: TestAuthority { get async throws { try await madeStranger.value } }

    private static let made = Task { try await make() }
    private static let madeStranger = Task { try await make() }

    private static func make() async throws -> TestAuthority {
        let directory = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
            .path
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "certificates").path
        // Not removed at the end of a run: the files are small and in the temporary directory.
        let made = try await Command.run("bash", script, directory)
        guard made.status == 0 else { throw SetupFailure("openssl could not make certificates: \(made)") }
        return TestAuthority(directory: directory)
    }
}

/// A failure of a test's setup.
struct SetupFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Runs other programs.
enum Command {
    struct Outcome: Sendable {
        let status: Int32
        /// Standard output and standard error.
        let output: String
    }

    static func run(_ program: String, _ arguments: String...) async throws -> Outcome {
        let result = try await Subprocess.run(
            .name(program), arguments: Arguments(arguments), environment: environment, input: .none,
            output: .string(limit: 1 << 20), error: .combinedWithOutput)
        guard case .exited(let status) = result.terminationStatus else {
            throw SetupFailure("\(program) was killed")
        }
        return Outcome(status: status, output: result.standardOutput)
    }

    /// Runs a program that ends by itself after the body, which reads the program's output line by line.
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
            // Some programs end at the end of their input, so the input stays open until here.
            try await execution.standardInputWriter.finish()
            try result.get()
        }
    }

    /// A fixed PATH, so that the system's programs are used and not those of the user.
    private static let environment = Environment.custom([
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
    ])
}
