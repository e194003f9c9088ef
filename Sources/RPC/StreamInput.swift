// The client's side of one open call: the queue of its requests, and whether more may follow. The wire decides what its messages
// mean for it.

/// The client's side of one call.
package struct StreamInput {
    /// The queue of the requests; nil for a method with one request.
    package let queue: InboundQueue?
    /// Whether the client has closed its side.
    package private(set) var isClosed: Bool

    /// A call with one request.
    package static var single: StreamInput { StreamInput(queue: nil, isClosed: true) }

    /// A call whose requests are a stream, optionally with its first message.
    package init(queue: InboundQueue, first message: [UInt8]?, isClosed: Bool) {
        self.init(queue: queue, isClosed: isClosed)
        if let message { queue.add(message) }
        if isClosed { queue.end() }
    }

    private init(queue: InboundQueue?, isClosed: Bool) {
        self.queue = queue
        self.isClosed = isClosed
    }

    /// The last message has begun to arrive; `end` follows when it is complete.
    package mutating func close() { isClosed = true }

    /// The client has sent its last message.
    package mutating func end() {
        isClosed = true
        queue?.end()
    }

    /// The client's side of the connection has ended: a stream that the client had not closed fails.
    mutating func inputClosed() {
        guard !isClosed else { return }
        isClosed = true
        queue?.end(.failure(Status(.cancelled, "the client's side was closed before the end of its stream")))
    }
}
