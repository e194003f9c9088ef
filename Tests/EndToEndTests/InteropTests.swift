// Clients of others that nothing of ours is in: the named cases of the gRPC project, and buf as people use it at a terminal.

import Foundation
import TestCluster
import Testing

@Suite(.seated)
struct InteropTests {
    /// Where `make tools` puts buf.
    private static let buf = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".build/tools/bin/buf").path

    @Test func `the named cases of the gRPC project hold`() async throws {
        try await InteropService.serving { address in
            let cases = try await PythonPrograms.run("cases", ["\(address)"])
            #expect(cases.status == 0, "\(cases)")
            #expect(cases.outputLines.last == "13 cases", "\(cases)")
        }
    }

    @Test func `buf curl finds the schema by reflection and calls over every kind of listener`() async throws
    {
        let clinic = try await Installation.withDatabase()
        #expect(try await clinic.run("seed-demo").status == 0)
        let authority = try await clinic.makeAuthority()
        let options = [
            "--listen", "tcp:127.0.0.1:0", "--listen", "tls:127.0.0.1:0", "--tls-cert",
            authority + "/server.pem", "--tls-key", authority + "/server.key", "--tls-client-ca",
            authority + "/ca.pem",
        ]
        try await clinic.serving(options) { daemon in
            func port(_ kind: String) async throws -> String {
                let line = try await daemon.line(with: "listening on \(kind):")
                return String(try #require(line.split(separator: ":").last))
            }
            let certificates = [
                "--cacert", authority + "/ca.pem", "--cert", authority + "/client.pem", "--key",
                authority + "/client.key",
            ]
            let plain = ["--http2-prior-knowledge"]
            // buf prints details as they are: field 1 of google.rpc.ErrorInfo is the reason.
            let notSignedIn = Data("\n\rNOT_SIGNED_IN".utf8).base64EncodedString()
            for (options, place) in [
                (plain + ["--unix-socket", clinic.directory + "/clinic.sock"], "http://localhost"),
                (plain, "http://127.0.0.1:\(try await port("tcp"))"),
                (certificates, "https://127.0.0.1:\(try await port("tls"))"),
            ] {
                let doctors = try await Self.call(
                    "DoctorService/ListDoctors", #"{"page_size":2}"#, place, options, in: clinic)
                #expect(doctors.status == 0, "\(doctors)")
                #expect(doctors.output.contains(#""nextPageToken""#), "\(doctors)")
                let nobody = try await Self.call(
                    "BookingService/GetBooking", #"{"booking_id":1}"#, place, options, in: clinic)
                #expect(nobody.status != 0, "\(nobody)")
                #expect(nobody.errors.contains(#""unauthenticated""#), "\(nobody)")
                #expect(nobody.errors.contains(notSignedIn), "\(nobody)")
            }
        }
    }

    private static func call(
        _ method: String, _ request: String, _ place: String, _ options: [String], in clinic: Installation
    ) async throws -> Program.Ending {
        let arguments =
            ["curl", "--protocol", "grpc"] + options + ["-d", request, "\(place)/clinic.v1.\(method)"]
        return try await Program(
            commandLine: [buf] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "HOME": clinic.directory]
        ).end()
    }
}
