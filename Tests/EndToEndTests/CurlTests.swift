// The daemon serves curl as it is, over every kind of listener and both versions of HTTP.

import Foundation
import RPC
import TestCluster
import Testing

@Suite(.seated)
struct CurlTests {
    private static let certificates = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "certificates").path

    /// What curl printed: the body, the status and the version of HTTP.
    private func curl(_ arguments: [String]) async throws -> (body: String, status: String, version: String) {
        let ending = try await Program(
            commandLine: [
                "/usr/bin/curl", "--silent", "--show-error", "--max-time", "60", "--write-out",
                "\n%{http_code} %{http_version}",
            ]
                + arguments, environment: ["PATH": "/usr/bin:/bin"]
        ).end()
        #expect(ending.status == 0, "\(ending)")
        var lines = ending.output.split(separator: "\n", omittingEmptySubsequences: false)
        let last = lines.popLast()
        let facts = try #require(last).split(separator: " ")
        try #require(facts.count == 2, "\(ending)")
        return (lines.joined(separator: "\n"), String(facts[0]), String(facts[1]))
    }

    private let json = ["--header", "content-type: application/json"]
    private let getDoctor = "/clinic.v1.DoctorService/GetDoctor"

    @Test func `curl calls over every kind of listener and both versions of HTTP`() async throws {
        let clinic = try await Installation.withDatabase()
        #expect(try await clinic.run("seed-demo").status == 0)
        let authority = clinic.directory + "/authority"
        let made = try await Program(
            commandLine: ["/bin/bash", Self.certificates, authority], environment: ["PATH": "/usr/bin:/bin"]
        ).end()
        #expect(made.status == 0, "\(made)")
        let options = [
            "--listen", "tcp:127.0.0.1:0", "--listen", "tls:127.0.0.1:0", "--tls-cert",
            authority + "/server.pem",
            "--tls-key", authority + "/server.key", "--metrics", "127.0.0.1:0",
        ]
        try await clinic.serving(options) { daemon in
            func port(_ kind: String) async throws -> String {
                let line = try await daemon.line(with: "listening on \(kind):")
                return String(try #require(line.split(separator: ":").last))
            }
            let tls = ["--cacert", authority + "/ca.pem"]
            let socket = try #require("\(clinic.socket)".split(separator: ":").last.map(String.init))
            let (plain, secure) = (try await port("tcp"), try await port("tls"))
            for (arguments, base, version) in [
                ([], "http://127.0.0.1:\(plain)", "1.1"),
                (["--http2-prior-knowledge"], "http://localhost:\(plain)", "2"),
                (["--unix-socket", socket], "http://clinic", "1.1"),
                (tls + ["--http1.1"], "https://localhost:\(secure)", "1.1"),
                (tls, "https://localhost:\(secure)", "2"),
            ] {
                let answer = try await curl(
                    arguments + json + ["--data", #"{"doctorId":3}"#, base + getDoctor])
                #expect(answer.status == "200" && answer.version == version, "\(base) \(answer)")
                #expect(
                    answer.body.contains(#""id":"3""#) && answer.body.contains(#""fullName":""#), "\(answer)")
                let refused = try await curl(
                    arguments + json + ["--data", "{}", base + "/clinic.v1.UserService/GetUser"])
                #expect(refused.status == "401", "\(refused)")
                #expect(refused.body.hasPrefix(#"{"code":"unauthenticated","#), "\(refused)")
            }
            let base = "http://127.0.0.1:\(plain)"
            let byGet = try await curl([
                "--get", "--data", "encoding=json", "--data-urlencode", #"message={"doctorId":3}"#,
                base + getDoctor,
            ])
            #expect(byGet.status == "200" && byGet.body.contains(#""id":"3""#), "\(byGet)")
            let login = try await curl([
                "--get", "--data", "encoding=json", "--data-urlencode", "message={}",
                base + "/clinic.v1.UserService/Login",
            ])
            #expect(login.status == "405", "\(login)")
            let page = try await curl([base + "/"])
            #expect(page.status == "405", "\(page)")
            let evil = try await curl(
                json + ["--header", "origin: https://evil.example.org", "--data", "{}", base + getDoctor])
            #expect(evil.status == "403", "\(evil)")
            let line = try await daemon.line(with: "metrics on 127.0.0.1:")
            let metrics = try #require(line.split(separator: ":").last.flatMap { Int($0) })
            #expect(try await WebAnswer.get("/metrics", port: metrics).body.contains(#"protocol="connect""#))
        }
    }

    @Test func `a page of an allowed origin may call, under a name of the server that is allowed`()
        async throws
    {
        let clinic = try await Installation.withDatabase()
        let options = [
            "--listen", "tcp:127.0.0.1:0", "--allow-origin", "https://App.example.org", "--host-name",
            "clinic.example.org",
        ]
        try await clinic.serving(options) { daemon in
            let line = try await daemon.line(with: "listening on tcp:")
            let port = String(try #require(line.split(separator: ":").last))
            let named = [
                "--resolve", "clinic.example.org:\(port):127.0.0.1", "--resolve",
                "evil.example.org:\(port):127.0.0.1",
            ]
            let call = named + json + ["--header", "origin: https://app.example.org", "--data", "{}"]
            let check = ":\(port)/grpc.health.v1.Health/Check"
            let served = try await curl(call + ["--include", "http://clinic.example.org" + check])
            #expect(
                served.status == "200"
                    && served.body.contains("access-control-allow-origin: https://app.example.org"))
            #expect(try await curl(call + ["http://evil.example.org" + check]).status == "421")
        }
        let wrong = try clinic.start(["--allow-origin", "https://app.example.org/path"])
        #expect(try await wrong.end().status == 2)
    }
}
