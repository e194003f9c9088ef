// The queue of one stream's messages, from the event loop, where they arrive, to the task that takes them. The connection does not
// read a message for a full queue, so the queue rejects nothing. Each queue has a lock, because messages are taken on any thread.
//
// All queues of a connection share a budget: the bytes that wait in all of them, and an action for when some are taken. A connection
// that waits for room is woken by any of its queues and checks again.

package import NIOCore
internal import Synchronization

/// The bytes that all queues of one connection may hold.
package final class FlowControlBudget: Sendable {
    private let limit: Int
    private let byteCount = Atomic<Int>(0)
    private let whenTaken = Mutex<(@Sendable () -> Void)?>(nil)

    package init(limit: Int) {
        self.limit = limit
    }

    /// Whether the budget is used up, so that nothing more is read.
    package var isFull: Bool { byteCount.load(ordering: .sequentiallyConsistent) >= limit }

    /// Calls the action once when a message is taken. To be set before checking for room.
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

/// The limit of one direction of one stream: nothing is added to a queue that holds so many messages or bytes.
package struct StreamLimits {
    package var messages: Int
    package var bytes: Int

    package init(messages: Int, bytes: Int) {
        self.messages = messages
        self.bytes = bytes
    }
}

/// The queue of one stream's messages.
package final class InboundQueue: Sendable {
    private typealias Reader = UnsafeContinuation<Result<[UInt8]?, Status>, Never>

    private struct State {
        var messages = CircularBuffer<[UInt8]>(initialCapacity: 2)
        var byteCount = 0
        /// The end after the last message, a normal one or a failure; nil while more may follow.
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

    /// Whether no message may be added now.
    package var isFull: Bool { isFullByItself || budget.isFull }

    /// Whether the queue's own limit is reached.
    package var isFullByItself: Bool {
        state.withLock { $0.messages.count >= limits.messages || $0.byteCount >= limits.bytes }
    }

    /// The bytes in the queue.
    package var byteCount: Int { state.withLock { $0.byteCount } }

    /// How long the connection has waited for this queue since it was last empty.
    package var stalled: TimeAmount { state.withLock { $0.stalled } }

    /// Adds time for which the connection waited.
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

    /// Ends the stream after the queued messages. Only the first end counts.
    package func end(_ end: Result<Void, Status> = .success(())) {
        let reader = state.withLock { state -> Reader? in
            if state.end == nil { state.end = end }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: end.map { nil })
    }

    // MARK: The task that takes the messages

    /// Takes the next message; nil after the last. Throws the stream's failure, or CANCELLED when the task is cancelled. For one
    /// task at a time.
    package func next() async throws(Status) -> [UInt8]? {
        if let result = taken() { return try result.get() }
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if let result = taken(orWait: continuation) { continuation.resume(returning: result) }
                // A task that was cancelled before it waited has run the cancellation handler already.
                if Task.isCancelled { cancel() }
            }
        } onCancel: {
            cancel()
        }
        return try result.get()
    }

    /// Drops the queued and all later messages.
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
