// The outgoing buffer between the tasks that make requests and the event loop that sends them: requests are encoded one after the
// other, so that all requests of one turn of the loop are one write. Stream ids are assigned under the same lock, hence in the order
// of the bytes, which containerd's implementation requires.

internal import NIOCore
internal import ProtobufC
internal import RPC
internal import Synchronization

/// The unsent requests of a connection.
final class ClientOutbox: Sendable {
    /// The maximum capacity that is kept while nothing is sent, in bytes.
    private static let retainedBytes = 8192
    /// The unsent bytes beyond which streams have to wait.
    private static let maximumCollectedBytes = 64 << 10

    private struct State {
        var buffer = ByteBuffer()
        var calls: [ClientCall] = []
        var streams: [ClientStream] = []
        var senders: [ClientSender] = []
        var turn: UInt64 = 1
        var isWritable = true
        var nextStreamID: UInt32 = 1
        var isCollectionDue = false
        var failure: Status?

        mutating func takeStreamID() -> UInt32 {
            // After 0xffffffff the ids start over, like those of the Go client.
            defer { nextStreamID &+= 2 }
            return nextStreamID
        }

        /// Whether the event loop has to be scheduled to collect requests.
        mutating func makeCollectionDue() -> Bool {
            defer { isCollectionDue = true }
            return !isCollectionDue
        }
    }

    private let limits: StreamLimits
    private let state = Mutex(State())

    init(limits: StreamLimits) {
        self.limits = limits
    }

    /// Adds a request that fits into a frame; returns whether the event loop has to be scheduled.
    func add(_ call: ClientCall, _ request: EncodedMessage) throws(Status) -> Bool {
        let result = state.withLock { state -> Result<Bool, Status> in
            if let failure = state.failure { return .failure(failure) }
            call.streamID = state.takeStreamID()
            state.calls.append(call)
            state.buffer.writeFrame(request, streamID: call.streamID, type: .request)
            return .success(state.makeCollectionDue())
        }
        return try result.get()
    }

    // MARK: Streams

    /// Adds the request that opens a stream; returns as above.
    func add(_ stream: ClientStream, _ request: EncodedMessage) throws(Status) -> Bool {
        let result = state.withLock { state -> Result<Bool, Status> in
            if let failure = state.failure { return .failure(failure) }
            stream.streamID = state.takeStreamID()
            stream.hasClosedRequests = !stream.kind.streamsRequests
            state.streams.append(stream)
            state.buffer.writeFrame(
                request, streamID: stream.streamID, type: .request, flags: stream.openingFlags)
            return .success(state.makeCollectionDue())
        }
        return try result.get()
    }

    /// The result of sending a message.
    enum Sending {
        case sent(isCollectionDue: Bool)
        /// There is no room yet; the sender waits in the queue.
        case mustWait
        /// The call has ended, or the caller has ended its messages.
        case isOver
    }

    /// Adds a message that fits into a frame, or queues its sender.
    func add(_ message: EncodedMessage, on stream: ClientStream) -> Sending {
        state.withLock { state in
            if stream.isOver || stream.hasClosedRequests || state.failure != nil { return .isOver }
            guard state.isWritable, state.buffer.readableBytes < Self.maximumCollectedBytes,
                stream.turn.hasRoom(in: state.turn, limits)
            else { return .mustWait }
            state.buffer.writeFrame(message, streamID: stream.streamID, type: .data)
            stream.turn.sent(FrameHeader.byteCount + message.byteCount)
            return .sent(isCollectionDue: state.makeCollectionDue())
        }
    }

    /// Queues a sender until there may be room; returns false if it need not wait.
    func wait(_ sender: ClientSender, _ continuation: UnsafeContinuation<Void, Never>) -> Bool {
        state.withLock { state in
            if sender.stream.isOver || state.failure != nil { return false }
            if state.isWritable, !state.isCollectionDue { return false }
            sender.continuation = continuation
            state.senders.append(sender)
            return true
        }
    }

    /// Resumes a sender whose task was cancelled.
    func cancel(_ sender: ClientSender) {
        let continuation = state.withLock { state in
            state.senders.removeAll { $0 === sender }
            return sender.takeContinuation()
        }
        continuation?.resume()
    }

    /// Adds the end of a stream's messages; returns whether the event loop has to be scheduled.
    func addEnd(of stream: ClientStream) -> Bool {
        state.withLock { state in
            if stream.isOver || stream.hasClosedRequests || state.failure != nil { return false }
            stream.hasClosedRequests = true
            state.buffer.writeEndOfStream(stream.streamID)
            return state.makeCollectionDue()
        }
    }

    /// Closes a stream for sending.
    func close(_ stream: ClientStream) {
        let waiting = state.withLock { state in
            stream.isOver = true
            let waiting = state.senders.filter { $0.stream === stream }.compactMap { $0.takeContinuation() }
            state.senders.removeAll { $0.stream === stream }
            return waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// The channel became writable or unwritable; resumes waiting senders.
    func setWritable(_ isWritable: Bool) {
        let waiting = state.withLock { state -> [UnsafeContinuation<Void, Never>] in
            state.isWritable = isWritable
            guard isWritable else { return [] }
            defer { state.senders = [] }
            return state.senders.compactMap { $0.takeContinuation() }
        }
        for continuation in waiting { continuation.resume() }
    }

    // MARK: The event loop

    /// Takes the collected requests, and leaves the spare buffer for the next ones.
    func collect(
        spare: ByteBuffer
    ) -> (buffer: ByteBuffer, calls: [ClientCall], streams: [ClientStream], areSendersWaiting: Bool) {
        state.withLock { state in
            defer {
                state.buffer = spare
                state.calls = []
                state.streams = []
                state.turn &+= 1
                state.isCollectionDue = false
            }
            return (state.buffer, state.calls, state.streams, !state.senders.isEmpty)
        }
    }

    /// Refuses requests from now on; returns the calls whose requests will not be sent. Only the first reason counts.
    func fail(_ failure: Status) -> (calls: [ClientCall], streams: [ClientStream]) {
        let (calls, streams, waiting) = state.withLock { state in
            if state.failure == nil { state.failure = failure }
            defer {
                state.calls = []
                state.streams = []
                state.senders = []
                state.buffer = ByteBuffer()
            }
            return (state.calls, state.streams, state.senders.compactMap { $0.takeContinuation() })
        }
        for continuation in waiting { continuation.resume() }
        return (calls, streams)
    }

    /// Why requests are refused.
    var failure: Status? { state.withLock { $0.failure } }

    /// Returns a sent buffer, emptied, for the next requests.
    static func reclaimed(_ buffer: inout ByteBuffer) -> ByteBuffer {
        guard buffer.capacity <= retainedBytes else { return ByteBuffer() }
        buffer.clear()
        return buffer
    }
}
