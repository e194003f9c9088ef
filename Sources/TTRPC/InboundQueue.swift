// The messages of one stream between the event loop, where they arrive, and the task that takes them. Bounded by
// what the connection asks before it adds one: it does not read a message for a full queue, so there is nothing to
// refuse here. One lock for each queue, because a client's messages are taken on any thread.
//
// All queues of a connection share an account: the bytes that wait in all of them, and who is to be told when some
// were taken. A connection that waits for room is woken by any of its queues and looks again.

internal import NIOCore
internal import Synchronization

/// What the queues of one connection hold together.
final class InboundAccount: Sendable {
    private let limit: Int
    private let byteCount = Atomic<Int>(0)
    private let whenTaken = Mutex<(@Sendable () -> Void)?>(nil)

    init(limit: Int) {
        self.limit = limit
    }

    /// Whether nothing more is to be read.
    var isFull: Bool { byteCount.load(ordering: .sequentiallyConsistent) >= limit }

    /// Calls the action once when something is taken. To be set before looking whether there is room.
    func notify(_ action: @escaping @Sendable () -> Void) {
        whenTaken.withLock { $0 = action }
    }

    fileprivate func added(_ count: Int) { byteCount.wrappingAdd(count, ordering: .sequentiallyConsistent) }

    fileprivate func removed(_ count: Int) {
        byteCount.wrappingSubtract(count, ordering: .sequentiallyConsistent)
        let action = whenTaken.withLock { action in
            defer { action = nil }
            return action
        }
        action?()
    }
}

/// What may wait in one direction of one stream: nothing more is added behind so many messages or bytes.
struct StreamLimits {
    var messages: Int
    var bytes: Int
}

/// The messages of one stream that nobody has taken yet.
final class InboundQueue: Sendable {
    private typealias Reader = UnsafeContinuation<Result<[UInt8]?, Status>, Never>

    private struct State {
        var messages = CircularBuffer<[UInt8]>(initialCapacity: 2)
        var byteCount = 0
        /// What comes behind the last message: nothing or a failure. Nil while more may come.
        var end: Result<Void, Status>?
        var reader: Reader?
        var stalled = TimeAmount.zero
    }

    private let limits: StreamLimits
    private let account: InboundAccount
    private let state = Mutex(State())

    init(limits: StreamLimits, account: InboundAccount) {
        self.limits = limits
        self.account = account
    }

    deinit {
        discard()
    }

    /// Whether no message is to be added now.
    var isFull: Bool { isFullByItself || account.isFull }

    /// Whether this queue holds as much as it may.
    var isFullByItself: Bool {
        state.withLock { $0.messages.count >= limits.messages || $0.byteCount >= limits.bytes }
    }

    /// The bytes that wait.
    var byteCount: Int { state.withLock { $0.byteCount } }

    /// How long the connection has stood still for this queue since it was last empty.
    var stalled: TimeAmount { state.withLock { $0.stalled } }

    /// The connection has stood still for it.
    func stalled(for time: TimeAmount) {
        state.withLock { state in
            if !state.messages.isEmpty { state.stalled = state.stalled + time }
        }
    }

    // MARK: The event loop

    /// Adds a message; drops it if the stream has ended.
    func add(_ message: [UInt8]) {
        let reader = state.withLock { state -> Reader? in
            guard state.end == nil else { return nil }
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            state.messages.append(message)
            state.byteCount += message.count
            account.added(message.count)
            return nil
        }
        reader?.resume(returning: .success(message))
    }

    /// Ends the stream behind what waits. The first end counts.
    func end(_ end: Result<Void, Status> = .success(())) {
        let reader = state.withLock { state -> Reader? in
            if state.end == nil { state.end = end }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: end.map { nil })
    }

    // MARK: The task that takes the messages

    /// Takes the next message; nil behind the last. Throws what ended the stream, or CANCELLED when the task is
    /// cancelled. For one task at a time.
    func next() async throws(Status) -> [UInt8]? {
        if let result = taken() { return try result.get() }
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if let result = taken(orWait: continuation) { continuation.resume(returning: result) }
                // A task that was cancelled before it waited has had its handler run too early.
                if Task.isCancelled { giveUp() }
            }
        } onCancel: {
            giveUp()
        }
        return try result.get()
    }

    /// Drops what waits and whatever comes: nobody will take it.
    func abandon() {
        giveUp()
        discard()
    }

    private func taken(orWait reader: Reader? = nil) -> Result<[UInt8]?, Status>? {
        let (result, byteCount) = state.withLock { state -> (Result<[UInt8]?, Status>?, Int?) in
            if let message = state.messages.popFirst() {
                state.byteCount -= message.count
                if state.messages.isEmpty { state.stalled = .zero }
                return (.success(message), message.count)
            }
            if let end = state.end { return (end.map { nil }, nil) }
            if state.reader != nil {
                return (.failure(Status(.internal, "two tasks take the messages of one stream")), nil)
            }
            state.reader = reader
            return (nil, nil)
        }
        if let byteCount { account.removed(byteCount) }
        return result
    }

    private func giveUp() {
        end(.failure(Status(.cancelled, "the call was cancelled")))
    }

    private func discard() {
        let count = state.withLock { state in
            defer {
                state.messages = CircularBuffer(initialCapacity: 0)
                state.byteCount = 0
            }
            return state.byteCount
        }
        account.removed(count)
    }
}

extension InboundQueue: Equatable {
    static func == (left: InboundQueue, right: InboundQueue) -> Bool { left === right }
}
