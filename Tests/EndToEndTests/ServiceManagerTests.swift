// The daemon under a manager of services: what it says to it, and that its sockets outlive the daemon.

import ClinicClient
import ClinicMessages
import Foundation
import RPC
import Synchronization
import TestCluster
import TestWaiting
import Testing

/// The end of a manager to which the daemon says what it does.
private final class NotifySocket: Sendable {
    let path: String
    private let descriptor: Int32

    init() throws {
        path = try TestCluster.makeDirectory() + "/notify"
        descriptor = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
        chmod(path, 0o777)
    }

    deinit { close(descriptor) }

    /// What has come since the last time.
    func messages() -> [String] {
        var found: [String] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return found }
            found.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
    }
}

/// Callers that go on until they are told to end.
private final class Callers: Sendable {
    private let goesOn = Atomic<Bool>(true)

    func end() { goesOn.store(false, ordering: .relaxed) }

    /// Calls again and again, and throws if a call fails; returns how often it has called.
    func call(_ address: Address) async throws -> Int {
        let client = ClinicClient(address: address)
        var count = 0
        while goesOn.load(ordering: .relaxed) {
            _ = try await client.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
            count += 1
        }
        return count
    }
}

@Suite(.seated)
struct ServiceManagerTests {
    @Test func `the manager is told when the daemon is ready, reads again, lives and ends`() async throws {
        let manager = try NotifySocket()
        let clinic = try await Installation.withDatabase()
        let daemon = try clinic.start(
            environment: ["NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"])
        var said: [String] = []
        func expectMessage(_ what: String, times: Int = 1) async throws {
            try await eventually("the manager is told \(what) (\(said)\(daemon.errors))") {
                said += manager.messages()
                return said.filter { $0.hasPrefix(what) }.count >= times
            }
        }
        try await expectMessage("READY=1")
        // Not before it listens.
        _ = try await clinic.signUp("ann@example.org")
        try await expectMessage("WATCHDOG=1", times: 3)
        daemon.signal(SIGHUP)
        try await expectMessage("RELOADING=1\nMONOTONIC_USEC=")
        try await expectMessage("READY=1", times: 2)
        #expect(!said.contains { $0.hasPrefix("STOPPING=1") })
        #expect(try await daemon.stop().status == 0)
        try await expectMessage("STOPPING=1")
        let states = said.filter { !$0.hasPrefix("WATCHDOG") && !$0.hasPrefix("EXTEND") }.map { $0.prefix(7) }
        #expect(states == ["READY=1", "RELOADI", "READY=1", "STOPPIN"])
        #expect(said.first == "EXTEND_TIMEOUT_USEC=60000000")
    }

    /// A manager in short: it makes two sockets, starts the daemon with them, starts it again at SIGUSR1 and ends it at
    /// SIGTERM.
    private static let manager = """
        import os, signal, socket, subprocess, sys
        path, program = sys.argv[1], sys.argv[2:]
        unix = socket.socket(socket.AF_UNIX); unix.bind(path); unix.listen(128)
        tcp = socket.socket(); tcp.bind(('127.0.0.1', 0)); tcp.listen(128)
        print('port', tcp.getsockname()[1], flush=True)
        def child():
            saved = [os.dup(unix.fileno()), os.dup(tcp.fileno())]
            high = [os.dup2(fd, 40 + n, inheritable=False) for n, fd in enumerate(saved)]
            for n, fd in enumerate(high): os.dup2(fd, 3 + n, inheritable=True)
            os.environ['LISTEN_FDS'] = '2'; os.environ['LISTEN_PID'] = str(os.getpid())
        def start():
            pid = os.fork()
            if pid == 0:
                child()
                signal.pthread_sigmask(signal.SIG_SETMASK, [])
                os.execv(program[0], program)
            return pid
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
        pid = start()
        while True:
            got = signal.sigwait([signal.SIGUSR1, signal.SIGTERM])
            os.kill(pid, signal.SIGTERM)
            status = os.waitpid(pid, 0)[1]
            print('ended', os.waitstatus_to_exitcode(status), flush=True)
            if got == signal.SIGTERM: sys.exit(os.waitstatus_to_exitcode(status))
            pid = start()
        """

    @Test func `sockets of the manager outlive the daemon, and no call is lost while it is replaced`()
        async throws
    {
        let clinic = try await Installation.withDatabase()
        let path = clinic.directory + "/manager.sock"
        let manager = try Program(
            commandLine: [
                "/usr/bin/python3", "-c", Self.manager, path, Program.directory + "/clinicd", "serve",
            ]
                + clinic.place + ["--bcrypt-cost", "4"],
            environment: ["PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no"])
        let port = try await manager.line(with: "port ").split(separator: " ").last.flatMap { Int($0) }
        try await manager.line(with: "listening on unix:\(path)")
        try await manager.line(with: "listening on tcp:127.0.0.1:\(try #require(port))")
        // In place of its own.
        #expect(try !clinic.contents().contains("clinic.sock"))

        let addresses = [Address.unix(path: path), .tcp(host: "127.0.0.1", port: try #require(port))]
        let callers = Callers()
        let calls = try await withThrowingTaskGroup(of: Int.self) { group in
            for address in addresses + addresses {
                group.addTask { try await callers.call(address) }
            }
            for round in 1...3 {
                manager.signal(SIGUSR1)
                try await eventually("daemon \(round) is replaced (\(manager.errors))") {
                    manager.output.split(separator: "listening on tcp:").count == round + 2
                }
            }
            callers.end()
            return try await group.reduce(0, +)
        }
        #expect(calls > 12)
        #expect(try await manager.stop().status == 0)
        #expect(
            manager.output.split(separator: "\n").filter { $0.hasPrefix("ended") }
                == Array(repeating: "ended 0", count: 4))
    }

    @Test func `the log goes to a file that is opened anew after it was moved away`() async throws {
        let clinic = try await Installation.withDatabase()
        let path = clinic.directory + "/clinicd.log"
        let daemon = try await clinic.serve(["--log-file", path])
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        daemon.signal(SIGHUP)
        try await eventually("a new file") { FileManager.default.fileExists(atPath: path) }
        #expect(try await daemon.stop().status == 0)
        #expect(daemon.errors.isEmpty)
        #expect(try attributes(of: path).mode == 0o640)
        let ending = try String(contentsOfFile: path, encoding: .utf8)
        #expect(ending.hasSuffix("info clinicd: ended\n"))
        #expect(try !String(contentsOfFile: path + ".1", encoding: .utf8).contains("ended"))
        let refused = try await clinic.start(["--log-file", "/proc/nothing/log"]).end()
        expectComplaint(refused, "the log file /proc/nothing/log cannot be opened")
    }
}
