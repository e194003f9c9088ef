// What was acknowledged survives: the daemon, a backend or all of PostgreSQL is killed again and again at moments that a
// seed decides, while bookings are made, paid and refunded in part. Every answer is kept, and in the end the database has
// to have all of them whole.
//
// `make test` has 20 faults; CLINIC_FAULTS sets another number and CLINIC_SEED another seed. That the test can see a loss
// is shown by the same run on a PostgreSQL that answers before the commit is on the disk.

import ClinicClient
import ClinicMessages
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import Synchronization
import TestCluster
import TestRandom
import TestWaiting
import Testing

@Suite(.seated)
struct FaultTests {
    @Test func `what was acknowledged survives every kill`() async throws {
        let setting = { (name: String) in ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } }
        let seed = setting("CLINIC_SEED") ?? .random(in: 1...UInt64(UInt32.max))
        print("seed of the faults: \(seed)")
        let findings = try await run(
            faults: Int(clamping: setting("CLINIC_FAULTS") ?? 20), of: Fault.allCases, seed: seed)
        #expect(findings.acknowledged > 80)
        #expect(findings.lost.isEmpty, "seed \(seed)")
        #expect(findings.halfDone == 0, "seed \(seed)")
    }

    @Test func `a loss would be seen`() async throws {
        let findings = try await run(faults: 2, of: [.backend], seed: 1, answersBeforeCommit: true)
        #expect(!findings.lost.isEmpty)
    }

    private enum Fault: CaseIterable {
        case daemon
        case backend
        case postgreSQL
    }

    private struct Findings {
        var acknowledged = 0
        var lost: [String] = []
        var halfDone: Int64 = 0
    }

    private func run(
        faults: Int, of kinds: [Fault], seed: UInt64, answersBeforeCommit: Bool = false
    ) async throws -> Findings {
        let directory = try TestCluster.makeDirectory()
        let cluster = try await TestCluster.startPrivateCluster(in: directory)
        var clinic = try Installation.empty()
        clinic.database = cluster.url
        if answersBeforeCommit {
            clinic.database = cluster.url + "&options=-c%20synchronous_commit%3Doff"
            try await AdminConnection.withConnection(url: cluster.administratorURL) { connection in
                try connection.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
                try connection.execute("SELECT pg_reload_conf()")
            }
        }
        #expect(try await clinic.createAdministrator("admin@example.org").status == 0)
        let options =
            ["--log-level", "critical"] + (answersBeforeCommit ? ["--allow-unsafe-durability"] : [])
        var daemon = try await clinic.serve(options)
        let scene = try await FaultScene(clinic)
        var generator = SeededGenerator(seed: seed)
        let writers = (0..<FaultScene.writers).map { number in Task { await scene.write(number) } }
        for _ in 0..<faults {
            let before = scene.acknowledged
            scene.allowMore()
            do {
                // A machine that is busy with all other tests takes its time to bring PostgreSQL back.
                try await eventually("more work", within: .seconds(120)) { scene.acknowledged >= before + 4 }
            } catch {
                print("the writers were told last: \(scene.lastFailure)")
                let log = try String(
                    contentsOfFile: directory + "/postgresql/postgresql.log", encoding: .utf8)
                print("PostgreSQL says: \(log.suffix(4_000))")
                throw error
            }
            // Anywhere between two commits.
            try await Task.sleep(for: .microseconds(Int.random(in: 0...20_000, using: &generator)))
            switch kinds.randomElement(using: &generator) {
            case .daemon?:
                try await daemon.stop(SIGKILL)
                // Answers that were under way may have been counted after the fault before; it may still be down.
                try await eventually("PostgreSQL") { (try? await scene.halfDone(cluster.url)) != nil }
                daemon = try await clinic.serve(options)
            case .backend?:
                let backends = TestCluster.serverProcesses(of: cluster.serverProcess ?? 0).filter(isBackend)
                if let backend = backends.randomElement(using: &generator) { kill(backend, SIGKILL) }
            case .postgreSQL?:
                guard let process = cluster.serverProcess else { break }
                for process in TestCluster.serverProcesses(of: process) { kill(process, SIGKILL) }
            case nil: break
            }
        }
        scene.end()
        for writer in writers { await writer.value }
        try await daemon.stop()
        try await eventually("PostgreSQL") { (try? await scene.halfDone(cluster.url)) != nil }
        let findings = Findings(
            acknowledged: scene.acknowledged, lost: try await scene.lost(cluster.url),
            halfDone: try await scene.halfDone(cluster.url))
        await cluster.stop()
        return findings
    }

    /// Whether a process of PostgreSQL serves a client: it says so in its title.
    private func isBackend(_ process: Int32) -> Bool {
        let title = try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8)
        return title?.contains("postgres: clinic ") ?? false
    }
}
