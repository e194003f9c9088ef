// TLS between the two programs: who gets in, what is said to those who do not, and certificates that change while the
// daemon serves.

import ClinicClient
import Foundation
import OpenSSL
import RPC
import RPCMessages
import TestCluster
import Testing

@Suite(.seated)
struct SecureTests {
    /// An authority, and a daemon that has a certificate of it, copied to a place of its own.
    private struct Setting {
        let clinic: Installation
        let authority: String

        init() async throws {
            clinic = try await Installation.withDatabase()
            authority = try await clinic.makeAuthority()
            try install("server")
        }

        /// Puts a certificate of the authority, or of another, where the daemon has its own.
        func install(_ name: String, of authority: String? = nil) throws {
            for ending in ["pem", "key"] {
                let bytes = try Data(
                    contentsOf: URL(filePath: "\(authority ?? self.authority)/\(name).\(ending)"))
                let path = "\(clinic.directory)/used.\(ending)"
                try bytes.write(to: URL(filePath: path))
                if ending == "key" { chmod(path, 0o640) }
            }
        }

        /// Starts the daemon; returns the secure address, too.
        func serve(_ options: String...) async throws -> (daemon: Program, address: Address) {
            try await serve(options)
        }

        func serve(
            _ options: [String], on host: String = "127.0.0.1"
        ) async throws -> (daemon: Program, address: Address) {
            let daemon = try clinic.start(
                [
                    "--listen", "tls:\(host):0", "--tls-cert", clinic.directory + "/used.pem", "--tls-key",
                    clinic.directory + "/used.key",
                ] + options)
            let line = try await daemon.line(with: "listening on tls:\(host):")
            let address = try Address(parsing: String(line.split(separator: " ").last ?? ""))
            return (daemon, address)
        }

        func client(of address: Address, trusting authority: String) throws -> ClinicClient {
            var configuration = ClinicClientConfiguration()
            configuration.retryPolicy = .never
            configuration.timeout = .seconds(20)
            configuration.tls = try TLSContext(authorities: authority + "/ca.pem")
            return ClinicClient(address: address, configuration: configuration)
        }
    }

    private func clinic(_ arguments: String..., environment: [String: String] = [:]) async throws
        -> Program.Ending
    {
        try await Program.run(
            "clinic", arguments, environment: ["HOME": "/nonexistent"].merging(environment) { $1 })
    }

    @Test func `the load harness trusts the authority that it is given, and no other`() async throws {
        let setting = try await Setting()
        let (daemon, address) = try await setting.serve()
        let load = [
            "run", "--call", "Health/Check", "--address", "\(address)", "--rate", "100/s", "--duration",
            "200ms",
            "--warm-up", "0s",
        ]
        let trusted = try await Program.run("clinic-load", load + ["--ca", setting.authority + "/ca.pem"])
        #expect(trusted.status == 0 && trusted.output.contains("20 answered"), "\(trusted)")
        let untrusted = try await Program.run("clinic-load", load)
        #expect(untrusted.status == 1 && untrusted.output.isEmpty, "\(untrusted)")
        #expect(untrusted.errors.contains("certificate"), "\(untrusted)")
        try await daemon.stop()
    }

    @Test func `TLS files that no address uses are warned about`() async throws {
        let setting = try await Setting()
        let place = setting.clinic.directory + "/used"
        let daemon = try await setting.clinic.serve([
            "--tls-cert", place + ".pem", "--tls-key", place + ".key",
        ])
        let ending = try await daemon.stop()
        #expect(ending.errorLines.count { $0.contains(" warning clinicd: the TLS files are not used") } == 1)
        let (secure, _) = try await setting.serve()
        #expect(!(try await secure.stop()).errors.contains("are not used"))
    }

    @Test func `clinic and clinicd show each other their certificates`() async throws {
        let setting = try await Setting()
        let authority = setting.authority
        let (daemon, address) = try await setting.serve("--tls-client-ca", authority + "/ca.pem")
        let files = [
            "CLINIC_CA": authority + "/ca.pem", "CLINIC_CERT": authority + "/client.pem",
            "CLINIC_KEY": authority + "/client.key", "CLINIC_ADDRESS": "\(address)",
        ]
        let health = try await clinic("health", environment: files)
        #expect(health.status == 0 && health.output.contains("Serving"), "\(health)")
        let list = try await clinic(
            "department", "list", "--address", "\(address)", "--ca", authority + "/ca.pem", "--cert",
            authority + "/client.pem", "--key", authority + "/client.key")
        #expect(list.status == 0, "\(list)")

        let anonymous = try await clinic("health", "--address", "\(address)", "--ca", authority + "/ca.pem")
        #expect(anonymous.status == 7)
        #expect(anonymous.errors.contains("the peer refused the connection: certificate required"))
        let trusting = try await clinic("health", "--address", "\(address)")
        #expect(trusting.status == 7)
        #expect(trusting.errors.contains("is from an authority that is not trusted here"), "\(trusting)")
        let plain = try await clinic(
            "health", "--address", "\(address)".replacing("tls:", with: "tcp:"), "--timeout", "2")
        #expect(plain.status == 7, "\(plain)")
        let secure = try await clinic("health", "--address", "\(address)", "--ca", "/nothing.pem")
        #expect(secure.status == 2)
        #expect(secure.errors == "clinic: /nothing.pem cannot be read: No such file or directory\n")
        #expect(try await daemon.stop().status == 0)
    }

    @Test func `only clients of the names that are given get in, and the log says who called`() async throws {
        let setting = try await Setting()
        let authority = setting.authority
        let options = ["--tls-client-ca", authority + "/ca.pem", "--log-level", "debug"]
        let files = [
            "CLINIC_CA": authority + "/ca.pem", "CLINIC_CERT": authority + "/client.pem",
            "CLINIC_KEY": authority + "/client.key",
        ]
        // The common name, the DNS name, one of two; a name it has as an e-mail address only, and part of one.
        for (names, isLetIn) in [
            (["reception"], true), (["other", "DESK.example.org"], true), (["desk@example.org"], false),
            (["example.org"], false),
        ] {
            let (daemon, address) = try await setting.serve(
                options + names.flatMap { ["--tls-client-name", $0] })
            let health = try await clinic(
                "health", "--timeout", "5",
                environment: files.merging(["CLINIC_ADDRESS": "\(address)"]) { $1 })
            #expect(health.status == (isLetIn ? 0 : 7), "\(names) \(health)")
            let ending = try await daemon.stop()
            #expect(ending.errors.contains("client=reception code=OK") == isLetIn, "\(ending.errors)")
            #expect(
                ending.errors.contains("the names in its certificate may not connect") != isLetIn,
                "\(ending.errors)")
        }
    }

    @Test(arguments: [["--ca", "x"], ["--cert", "x", "--key", "y"]])
    func `certificates are not taken for an address that is not secure`(options: [String]) async throws {
        let ending = try await Program.run("clinic", ["health", "--address", "tcp:127.0.0.1:1"] + options)
        #expect(ending.status == 2)
        #expect(ending.errors.contains("--ca, --cert and --key are for a tls: address"))
    }

    @Test func `certificates change on SIGHUP and drop nobody`() async throws {
        let setting = try await Setting()
        let next = try await setting.clinic.makeAuthority(named: "next")
        let (daemon, address) = try await setting.serve()
        let old = try setting.client(of: address, trusting: setting.authority)
        func check(_ client: ClinicClient) async throws -> Status? {
            try await status { _ = try await client.call(HealthMethods.check, HealthCheckRequest()) }
        }
        #expect(try await check(old) == nil)

        try setting.install("server", of: next)
        daemon.signal(SIGHUP)
        try await daemon.line(with: "new certificates are in use", on: .errors)
        #expect(try await check(old) == nil)
        let stranger = try setting.client(of: address, trusting: setting.authority)
        #expect(try await check(stranger)?.message.contains("not trusted here") == true)
        #expect(try await check(setting.client(of: address, trusting: next)) == nil)

        // A key that does not belong to the certificate.
        try Data(contentsOf: URL(filePath: next + "/client.key"))
            .write(to: URL(filePath: setting.clinic.directory + "/used.key"))
        daemon.signal(SIGHUP)
        let line = try await daemon.line(with: "the old certificates stay in use", on: .errors)
        #expect(line.contains("used.key is not the key of the certificate in"))
        #expect(try await check(old) == nil)
        #expect(try await check(setting.client(of: address, trusting: next)) == nil)
        #expect(try await daemon.stop().status == 0)
    }

    @Test func `a client whose certificate is revoked is let in until the list is read`() async throws {
        let setting = try await Setting()
        let (authority, list) = (setting.authority, setting.clinic.directory + "/crl.pem")
        func publish(_ name: String) throws {
            try Data(contentsOf: URL(filePath: "\(authority)/\(name).pem")).write(to: URL(filePath: list))
        }
        try publish("crl")
        let (daemon, address) = try await setting.serve(
            "--tls-client-ca", authority + "/ca.pem", "--tls-crl", list)
        func health() async throws -> Program.Ending {
            try await clinic(
                "health", "--address", "\(address)", "--ca", authority + "/ca.pem", "--cert",
                authority + "/client.pem", "--key", authority + "/client.key", "--timeout", "20")
        }
        let before = try await health()
        #expect(before.status == 0, "\(before)")
        try publish("client-revoked")
        daemon.signal(SIGHUP)
        try await daemon.line(with: "new certificates are in use", on: .errors)
        let after = try await health()
        #expect(after.status == 7, "\(after)")
        #expect(after.errors.contains("certificate revoked"), "\(after)")

        try Data("nothing".utf8).write(to: URL(filePath: list))
        daemon.signal(SIGHUP)
        let line = try await daemon.line(with: "the old certificates stay in use", on: .errors)
        #expect(line.contains("holds no certificate revocation list"), "\(line)")
        #expect(try await health().status == 7)
        #expect(try await daemon.stop().status == 0)
    }

    @Test func `a server with a wrong certificate is tried once`() async throws {
        let setting = try await Setting()
        let other = try await setting.clinic.makeAuthority(named: "other")
        let (daemon, address) = try await setting.serve(["--metrics", "127.0.0.1:0"], on: "127.0.0.2")
        let line = try await daemon.line(with: "metrics on 127.0.0.1:")
        let port = try #require(line.split(separator: ":").last.flatMap { Int($0) })
        func accepted() async throws -> Double {
            try Exposition(parsing: try await WebAnswer.get("/metrics", port: port).body)
                .value("clinic_connections_accepted_total")
        }
        // The certificate is for 127.0.0.1, the same machine by another name.
        var expected = try await accepted()
        for (authority, words) in [
            (other, "is from an authority that is not trusted here"),
            (setting.authority, "is for another host"),
        ] {
            for command in [["health"], ["health", "--watch"], ["call", "Health/Watch"]] {
                let ending = try await Program.run(
                    "clinic", command + ["--address", "\(address)", "--ca", authority + "/ca.pem"],
                    environment: ["HOME": "/nonexistent"])
                #expect(ending.status == 7 && ending.errorLines.count == 1, "\(ending)")
                let end = "the peer's certificate \(words) [SERVER_NOT_TRUSTED]"
                #expect(ending.errorLines.first?.hasSuffix(end) == true, "\(ending)")
                expected += 1
                #expect(try await accepted() == expected, "\(command)")
            }
        }
        #expect(try await daemon.stop().status == 0)
    }

    @Test(arguments: [("ffdhe8192", false), ("P-521", false), ("P-256", true)])
    func `the daemon refuses groups that cost it much more than its client`(
        group: String, isSupported: Bool
    ) async throws {
        let setting = try await Setting()
        let (daemon, address) = try await setting.serve()
        let host = "\(address)".replacing("tls:", with: "")
        let client = try await Program(
            commandLine: ["/usr/bin/openssl", "s_client", "-connect", host, "-tls1_3", "-groups", group]
        ).end()
        #expect((client.status == 0) == isSupported, "\(client)")
        #expect(try await daemon.stop().status == 0)
    }

    @Test func `a key that everybody may read is warned of`() async throws {
        let setting = try await Setting()
        chmod(setting.clinic.directory + "/used.key", 0o644)
        let (daemon, _) = try await setting.serve()
        try await daemon.line(with: "every user of this machine may read the key", on: .errors)
        #expect(try await daemon.stop().status == 0)
    }
}
