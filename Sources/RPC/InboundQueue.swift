// The messages of one stream between the event loop, where they arrive, and the task that takes them. The connection
// does not read a message for a full queue, so nothing is rejected here. Each queue has a lock, because a client's
// messages are taken on any thread.
//
// All queues of a connection share a budget: the bytes that wait in all of them, and who is to be told when some were
// taken. A connection that waits for room is woken by any of its queues and looks again.

package import NIOCore
internal import Synchronization

/// The bytes that all queues of one connection may hold together.
package final class FlowControlBudget: Sendable {
    private let limit: Int
    private let byteCount = Atomic<Int>(0)
    private let whenTaken = Mutex<(@Sendable () -> Void)?>(nil)

    package init(limit: Int) {
        self.limit = limit
    }

    /// Whether nothing more is to be read.
    package var isFull: Bool { byteCount.load(ordering: .sequentiallyConsistent) >= limit }

    /// Calls the action once when something is taken. To be set before looking whether there is room.
    package func notify(_ action: @escaping @Sendable () -> Void) {
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
package struct StreamLimits {
    package var messages: Int
    package var bytes: Int

    package init(messages: Int, bytes: Int) {
        self.messages = messages
        self.bytes = bytes
    }
}

/// The messages of one stream that nobody has taken yet.
package final class InboundQueue: Sendable {
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
    private let budget: FlowControlBudget
    private let state = Mutex(State())

    package init(limits: StreamLimits, budget: FlowControlBudget) {
        self.limits = limits
        self.budget = budget
    }

    deinit {
        discard()
    }

    /// Whether no message is to be added now.
    package var isFull: Bool { isFullByItself || budget.isFull }

    /// Whether this queue holds as much as it may.
    package var isFullByItself: Bool {
        state.withLock { $0.messages.count >= limits.messages || $0.byteCount >= limits.bytes }
    }

    /// The bytes that wait.
    package var byteCount: Int { state.withLock { $0.byteCount } }

    /// How long the connection has stood still for this queue since it was last empty.
    package var stalled: TimeAmount { state.withLock { $0.stalled } }

    /// The connection has stood still for it.
    package func stalled(for time: TimeAmount) {
        state.withLock { state in
            if !state.messages.isEmpty { state.stalled = state.stalled + time }
        }
    }

    // MARK: The event loop

    /// Adds a message; drops it if the stream has ended.
    package func add(_ message: [UInt8]) {
        let reader = state.withLock { state -> Reader? in
            guard state.end == nil else { return nil }
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            state.messages.append(message)
            state.byteCount += message.count
            budget.added(message.count)
            return nil
        }
        reader?.resume(returning: .success(message))
    }

    /// Ends the stream behind what waits. The first end counts.
    package func end(_ end: Result<Void, Status> = .success(())) {
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
    package func next() async throws(Status) -> [UInt8]? {
        if let result = taken() { return try result.get() }
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if let result = taken(orWait: continuation) { continuation.resume(returning: result) }
                // The handler of a task that was cancelled before it waited has run too early.
                if Task.isCancelled { cancel() }
            }
        } onCancel: {
            cancel()
        }
        return try result.get()
    }

    /// Drops what waits and whatever comes: nobody will take it.
    package func abandon() {
        cancel()
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
        if let byteCount { budget.removed(byteCount) }
        return result
    }

    private func cancel() {
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
        budget.removed(count)
    }
}

extension InboundQueue: Equatable {
    package static func == (left: InboundQueue, right: InboundQueue) -> Bool { left === right }
}
