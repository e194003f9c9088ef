// A program of the project as a process of its own, watched the way a person or a supervisor would: by its lines, its
// exit status and what it leaves behind.

import Foundation
import Synchronization
import TestCluster

/// A running clinicd or clinic. It is killed when nobody refers to it any more.
final class Program: Sendable {
    /// What a program has left when it is over.
    struct Ending: Sendable {
        /// The exit status; 128 and the signal if one ended it.
        let status: Int32
        let output: String
        let errors: String

        var outputLines: [String] { output.split(separator: "\n").map(String.init) }
        var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
    }

    enum Stream { case output, errors }

    /// What was waited for did not come.
    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    private struct State {
        var output = Data()
        var errors = Data()
        var openPipes = 2
        var status: Int32?
    }

    let identifier: Int32
    private let process: Process
    private let pipes: [Pipe]
    private let state: Watched

    private final class Watched: Sendable {
        let value = Mutex(State())
    }

    /// Starts a program that `swift build` has made, with nothing of this process's environment but what it needs.
    init(
        _ name: String, _ arguments: [String], environment: [String: String] = [:], input: String = "",
        as user: OrdinaryUser? = nil
    ) throws {
        let process = Process()
        let program = Self.directory + "/" + name
        if let user {
            process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
            process.arguments = user.switching + [program] + arguments
        } else {
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
        }
        process.environment = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "SWIFT_BACKTRACE": "enable=no",
        ].merging(environment) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        let (input, inputPipe) = (Data(input.utf8), Pipe())
        let (output, errors) = (Pipe(), Pipe())
        process.standardInput = inputPipe
        process.standardOutput = output
        process.standardError = errors
        let state = Watched()
        process.terminationHandler = { process in
            let signal: Int32 = process.terminationReason == .uncaughtSignal ? 128 : 0
            try? TestCluster.hasEnded(process.processIdentifier)
            state.value.withLock { $0.status = signal + process.terminationStatus }
        }
        try process.run()
        identifier = process.processIdentifier
        self.process = process
        self.state = state
        pipes = [output, errors]
        try TestCluster.endWithRun(identifier)
        for (pipe, path) in [(output, \State.output), (errors, \State.errors)] {
            pipe.fileHandleForReading.readabilityHandler = { handle in
                let data = handle.availableData
                if data.isEmpty { handle.readabilityHandler = nil }
                state.value.withLock { state in
                    state[keyPath: path].append(data)
                    if data.isEmpty { state.openPipes -= 1 }
                }
            }
        }
        try? inputPipe.fileHandleForWriting.write(contentsOf: input)
        try inputPipe.fileHandleForWriting.close()
    }

    deinit {
        if state.value.withLock({ $0.status == nil }) { Glibc.kill(identifier, SIGKILL) }
    }

    /// Where this test's own executable is, and the programs beside it.
    static let directory: String = {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: path).deletingLastPathComponent().path
    }()

    // MARK: - Watching

    var output: String { state.value.withLock { String(decoding: $0.output, as: UTF8.self) } }
    var errors: String { state.value.withLock { String(decoding: $0.errors, as: UTF8.self) } }
    var hasEnded: Bool { state.value.withLock { $0.status != nil } }

    /// Waits for a whole line that holds a text.
    @discardableResult
    func line(
        with text: String, on stream: Stream = .output, within limit: Duration = .seconds(60)
    ) async throws -> String {
        var found: String?
        try await eventually("a line with “\(text)” (\(output)\(errors))", within: limit) { [self] in
            let lines = (stream == .output ? output : errors).split(
                separator: "\n", omittingEmptySubsequences: false)
            found = lines.dropLast().first { $0.contains(text) }.map(String.init)
            if found == nil, hasEnded { throw Missing(description: "ended without “\(text)”: \(errors)") }
            return found != nil
        }
        return found ?? ""
    }

    /// Waits for its end by itself.
    func end(within limit: Duration = .seconds(60)) async throws -> Ending {
        try await eventually("the end of the program (\(output)\(errors))", within: limit) { [state] in
            state.value.withLock { $0.status != nil && $0.openPipes == 0 }
        }
        return Ending(status: state.value.withLock { $0.status ?? -1 }, output: output, errors: errors)
    }

    /// Sends a signal.
    func signal(_ signal: Int32) {
        kill(identifier, signal)
    }

    /// Ends it as a supervisor does, and waits for that.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM, within limit: Duration = .seconds(30)) async throws -> Ending {
        self.signal(signal)
        return try await end(within: limit)
    }

    /// Goes away as the reader of its output.
    func hangUp() throws {
        for pipe in pipes {
            pipe.fileHandleForReading.readabilityHandler = nil
            try pipe.fileHandleForReading.close()
        }
        state.value.withLock { $0.openPipes = 0 }
    }

    /// Runs a program to its end.
    static func run(
        _ name: String, _ arguments: [String], environment: [String: String] = [:], input: String = "",
        as user: OrdinaryUser? = nil, within limit: Duration = .seconds(60)
    ) async throws -> Ending {
        try await Program(name, arguments, environment: environment, input: input, as: user)
            .end(within: limit)
    }
}

/// Looks again and again until something holds; fails with its name when that takes too long.
func eventually(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(30), _ holds: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while !(try await holds()) {
        guard ContinuousClock.now < end else {
            throw Program.Missing(description: "waited \(limit) for \(what())")
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Somebody without rights, for a daemon that root does not run.
struct OrdinaryUser: Sendable {
    static let nobody = OrdinaryUser()

    let name = "nobody"
    let switching = ["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]
    let identifier: UInt32? = getpwnam("nobody")?.pointee.pw_uid

    /// Whether the tests can become this user, and this user can reach what they have built.
    static let isAvailable: Bool = {
        guard geteuid() == 0, nobody.identifier != nil else { return false }
        return (try? Program("clinicd", ["--version"], as: nobody)) != nil
    }()
}
