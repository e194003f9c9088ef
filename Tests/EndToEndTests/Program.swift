// A program of the project as a process of its own, watched the way a person or a supervisor would: by its lines, its
// exit status and what it leaves behind.

import Foundation
import Synchronization
import TestCluster
import TestWaiting
import Testing

/// A running clinicd or clinic. It is killed when nobody refers to it any more.
///
/// Not Foundation's Process, whose programs inherit each other's descriptors when they are started at the same time;
/// then neither the end of a program nor that of its output is noticed before the other has ended, too.
final class Program: Sendable {
    /// What a program has left when it is over.
    struct Ending: Sendable {
        /// The exit status; 128 and the signal if one ended it.
        let status: Int32
        let output: String
        let errors: String

        var outputLines: [String] { output.split(separator: "\n").map(String.init) }
        var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
        /// The log lines of clinicd without their times.
        var log: [Substring] { errorLines.map { $0.drop { $0 != " " }.dropFirst() } }
    }

    enum Stream { case output, errors }

    /// What was waited for did not come.
    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// Held from the making of pipes until they are marked and given away: a program that another test starts in
    /// between would get them, too.
    private static let starting = Mutex(())

    private struct State {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var open: Set<Stream> = [.output, .errors]
        var isReaderGone = false
        var isErrorReaderStalled = false
        var status: Int32?
    }

    private final class Watched: Sendable {
        let value = Mutex(State())
    }

    let identifier: Int32
    private let state = Watched()

    /// Starts a program that `swift build` has made, with nothing of this process's environment but what it needs.
    convenience init(
        _ name: String, _ arguments: [String], environment: [String: String] = [:], input: String = "",
        as user: OrdinaryUser? = nil
    ) throws {
        let switching = user.map { ["/usr/bin/setpriv"] + $0.switching } ?? []
        let environment = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", "SWIFT_BACKTRACE": "enable=no",
        ].merging(environment) { $1 }
        try self.init(
            commandLine: switching + [Self.directory + "/" + name] + arguments, environment: environment,
            input: input)
    }

    /// Starts any program.
    init(commandLine: [String], environment: [String: String] = [:], input: String = "") throws {
        // Made first: it starts a program of its own.
        _ = try TestCluster.makeDirectory(named: "processes")
        let (given, output, errors, identifier) = try Self.starting.withLock { _ in
            let (given, output, errors) = (try Channel(), try Channel(), try Channel())
            return (
                given, output, errors,
                try Self.spawn(
                    commandLine, environment, standard: [given.reading, output.writing, errors.writing])
            )
        }
        self.identifier = identifier
        try TestCluster.endWithRun(identifier)
        for theirs in [given.reading, output.writing, errors.writing] { close(theirs) }

        let state = state
        Self.read(output.reading, .output, into: state)
        Self.read(errors.reading, .errors, into: state)
        Thread.detachNewThread {
            var status: Int32 = 0
            while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
            try? TestCluster.hasEnded(identifier)
            let signal = status & 0x7F
            let ending = signal == 0 ? (status >> 8) & 0xFF : 128 + signal
            state.value.withLock { $0.status = ending }
        }
        Thread.detachNewThread {
            // A program that does not read its input may be gone by now.
            Array(input.utf8).withUnsafeBytes { bytes in
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = write(
                        given.writing, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                    guard count > 0 else { break }
                    rest = rest.dropFirst(count)
                }
            }
            close(given.writing)
        }
    }

    /// Two ends of a pipe that no program inherits unless it is given one.
    private struct Channel {
        let reading: Int32
        let writing: Int32

        init() throws {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { throw POSIXError(.EMFILE) }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            (reading, writing) = (ends[0], ends[1])
        }
    }

    private static func spawn(
        _ commandLine: [String], _ environment: [String: String], standard: [Int32]
    ) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, descriptor) in standard.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var words: [UnsafeMutablePointer<CChar>?] = commandLine.map { strdup($0) } + [nil]
        var settings: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in words + settings { free(text) } }
        var identifier: Int32 = 0
        let failure = posix_spawn(&identifier, commandLine[0], &actions, &attributes, &words, &settings)
        guard failure == 0 else { throw POSIXError(POSIXErrorCode(rawValue: failure) ?? .ENOENT) }
        return identifier
    }

    /// Reads to the end, or until nobody wants to know any more.
    private static func read(_ descriptor: Int32, _ stream: Stream, into state: Watched) {
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            var isOpen = true
            while isOpen {
                if stream == .errors, state.value.withLock({ $0.isErrorReaderStalled }) {
                    _ = poll(nil, 0, 20)
                    continue
                }
                var events = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                let isReady = poll(&events, 1, 20) == 1
                let count = isReady ? Foundation.read(descriptor, &buffer, buffer.count) : 0
                isOpen = state.value.withLock { state in
                    if stream == .output { state.output += buffer[..<max(0, count)] }
                    if stream == .errors { state.errors += buffer[..<max(0, count)] }
                    return !state.isReaderGone && (!isReady || count > 0)
                }
            }
            close(descriptor)
            state.value.withLock { _ = $0.open.remove(stream) }
        }
    }

    deinit {
        if state.value.withLock({ $0.status == nil }) { kill(identifier, SIGKILL) }
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
        with text: String, on stream: Stream = .output, within limit: Duration = .seconds(60),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        var found: String?
        try await eventually(
            "a line with “\(text)” (\(output)\(errors))", within: limit, sourceLocation: sourceLocation
        ) { [self] in
            let lines = (stream == .output ? output : errors).split(
                separator: "\n", omittingEmptySubsequences: false)
            found = lines.dropLast().first { $0.contains(text) }.map(String.init)
            if found == nil, hasEnded { throw Missing(description: "ended without “\(text)”: \(errors)") }
            return found != nil
        }
        return found ?? ""
    }

    /// Waits for its end by itself.
    func end(
        within limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Ending {
        try await eventually(
            "the end of the program (\(output)\(errors))", within: limit, sourceLocation: sourceLocation
        ) { [state] in
            state.value.withLock { $0.status != nil && $0.open.isEmpty }
        }
        return Ending(status: state.value.withLock { $0.status ?? -1 }, output: output, errors: errors)
    }

    /// Waits for the end of the process alone; what it wrote may not be read yet.
    func processEnd(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await eventually(
            "the end of the process", within: .seconds(120), sourceLocation: sourceLocation
        ) { [self] in hasEnded }
    }

    /// Sends a signal.
    func signal(_ signal: Int32) {
        kill(identifier, signal)
    }

    /// Ends it as a supervisor does, and waits for that.
    @discardableResult
    func stop(
        _ signal: Int32 = SIGTERM, within limit: Duration = .seconds(120),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Ending {
        self.signal(signal)
        return try await end(within: limit, sourceLocation: sourceLocation)
    }

    /// Goes away as the reader of its output.
    func hangUp() async throws {
        state.value.withLock { $0.isReaderGone = true }
        try await eventually("the closed pipes") { [state] in state.value.withLock { $0.open.isEmpty } }
    }

    /// Stops to read its standard error, or goes on with it.
    func stallErrors(_ isStalled: Bool) {
        state.value.withLock { $0.isErrorReaderStalled = isStalled }
    }

    /// Runs a program to its end.
    static func run(
        _ name: String, _ arguments: [String], environment: [String: String] = [:], input: String = "",
        as user: OrdinaryUser? = nil, within limit: Duration = .seconds(60),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Ending {
        try await Program(name, arguments, environment: environment, input: input, as: user)
            .end(within: limit, sourceLocation: sourceLocation)
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
