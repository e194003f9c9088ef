// Writes log lines on a thread of its own. Whoever reads standard error may stall, and a pipe that is full blocks its
// writer: event loops only append to a bounded queue. What does not fit is dropped and counted, and a line says how many
// when there is room again.

internal import Dispatch
internal import Glibc
internal import Synchronization

/// A bounded queue of lines and the thread that writes them to a descriptor, each with one system call if possible.
public final class LogWriter: Sendable {
    /// Writes to standard error, for the whole process.
    public static let standardError = LogWriter(descriptor: STDERR_FILENO)

    /// The bytes of lines that may wait; with more of them, lines are dropped until half of them are written.
    static let maximumBytes = 1 << 20

    private struct State {
        var lines: [[UInt8]] = []
        /// Of the lines that wait or are being written.
        var byteCount = 0
        var isWriting = false
        var isDropping = false
        /// Since the last line that told of it.
        var untoldDrops = 0
        var drops = 0
        var describeDrops: (@Sendable (_ count: Int) -> [UInt8])?
        var hasThread = false
        var flushers = 0
    }

    private let descriptor: CInt
    private let state = Mutex(State())
    private let hasLines = DispatchSemaphore(value: 0)
    private let isEmpty = DispatchSemaphore(value: 0)

    /// A writer to a descriptor, which stays open; its thread starts with the first line and never ends.
    init(descriptor: CInt) {
        self.descriptor = descriptor
    }

    /// How many lines were dropped since the process began.
    public var droppedLineCount: Int { state.withLock { $0.drops } }

    /// Queues a line, or drops it if too many wait. Never blocks. `describeDrops` makes the line that says how many were
    /// dropped.
    public func write(_ line: [UInt8], describeDrops: @escaping @Sendable (_ count: Int) -> [UInt8]) {
        let (isQueued, wakes) = state.withLock { state -> (Bool, Bool) in
            if !state.hasThread { state.hasThread = startThread() }
            guard state.hasThread else { return (false, false) }
            let limit = state.isDropping ? Self.maximumBytes / 2 : Self.maximumBytes
            state.isDropping = state.byteCount + line.count > limit
            if state.isDropping {
                state.drops += 1
                state.untoldDrops += 1
                state.describeDrops = describeDrops
                return (true, false)
            }
            let wakes = state.lines.isEmpty && !state.isWriting
            Self.tellOfDrops(&state)
            Self.append(line, &state)
            return (true, wakes)
        }
        if wakes { hasLines.signal() }
        if !isQueued { writeNow(line) }
    }

    /// Waits until every line is written; false if that takes longer than the limit, as with a reader that stalls.
    @discardableResult
    public func flush(within limit: Duration) -> Bool {
        let (seconds, attoseconds) = limit.components
        let end =
            DispatchTime.now() + .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
        while true {
            let isFlushed = state.withLock { state in
                let isFlushed = state.lines.isEmpty && !state.isWriting
                if !isFlushed { state.flushers += 1 }
                return isFlushed
            }
            if isFlushed { return true }
            // The signal may be that of an earlier flush that gave up.
            if isEmpty.wait(timeout: end) == .timedOut { return false }
        }
    }

    private static func append(_ line: [UInt8], _ state: inout State) {
        state.lines.append(line)
        state.byteCount += line.count
    }

    private static func tellOfDrops(_ state: inout State) {
        guard state.untoldDrops > 0, let describeDrops = state.describeDrops else { return }
        append(describeDrops(state.untoldDrops), &state)
        state.untoldDrops = 0
    }

    // MARK: The thread

    /// False if the system has no more threads; lines are then written by whoever logs.
    private func startThread() -> Bool {
        var thread = pthread_t()
        let writer = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { writer in
                if let writer { Unmanaged<LogWriter>.fromOpaque(writer).takeRetainedValue().run() }
                return nil
            }, writer.toOpaque())
        guard status == 0 else {
            writer.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    private func run() -> Never {
        while true {
            hasLines.wait()
            while let lines = next() {
                for line in lines {
                    writeNow(line)
                    state.withLock { $0.byteCount -= line.count }
                }
            }
        }
    }

    /// The lines that wait; nil if there are none.
    private func next() -> [[UInt8]]? {
        let (lines, flushers) = state.withLock { state -> ([[UInt8]], Int) in
            if state.lines.isEmpty { Self.tellOfDrops(&state) }
            let lines = state.lines
            state.lines = []
            state.isWriting = !lines.isEmpty
            guard lines.isEmpty else { return (lines, 0) }
            defer { state.flushers = 0 }
            return ([], state.flushers)
        }
        for _ in 0..<flushers { isEmpty.signal() }
        return lines.isEmpty ? nil : lines
    }

    /// A write error is ignored: there is no other place to report it.
    private func writeNow(_ line: [UInt8]) {
        var rest = line[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
