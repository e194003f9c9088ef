// One connection of the generator. It manages calls in flight and frames; the loop decides what to send and when.

internal import NIOCore
internal import RPC

/// A connection, confined to its event loop.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let headerBytes = 10
    private static let maximumFrameBytes = 4 << 20
    /// The largest buffer kept for the next write.
    private static let retainedBytes = 64 << 10
    /// The frame type of a response.
    private static let response: UInt8 = 2

    /// Its index among the loop's connections.
    let index: Int
    private let loop: LoadLoop
    private(set) var calls: InFlightCalls
    /// Set by the loop: the connection gets no more calls and is closed after its last response.
    var isRetiring = false
    private var context: ChannelHandlerContext?
    private var rest = ByteBuffer()
    private var outgoing = ByteBuffer()
    private var nextStreamID: UInt32 = 1

    init(index: Int, maximumInFlight: Int, loop: LoadLoop) {
        self.index = index
        self.loop = loop
        calls = InFlightCalls(capacity: maximumInFlight)
    }

    // MARK: Sending

    /// Appends a call's frame to those waiting for `flush()`.
    func send(_ call: InFlightCall) {
        let body = call.call.body
        if outgoing.capacity == 0, let context {
            outgoing = context.channel.allocator.buffer(capacity: 4 * (Self.headerBytes + body.readableBytes))
        }
        // A request has frame type 1 and no flags.
        outgoing.writeMultipleIntegers(UInt32(body.readableBytes), nextStreamID, 1 as UInt8, 0 as UInt8)
        outgoing.writeImmutableBuffer(body)
        calls.insert(call, streamID: nextStreamID)
        nextStreamID &+= 2
    }

    /// Writes the waiting frames.
    func flush() {
        guard outgoing.readableBytes > 0, let context else { return }
        var bytes = outgoing
        outgoing = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        // If the write completed at once, as usual, the buffer is reused for the next calls.
        guard outgoing.capacity == 0, bytes.capacity <= Self.retainedBytes else { return }
        bytes.clear()
        outgoing = bytes
    }

    func close() {
        context?.close(promise: nil)
    }

    /// Removes and returns all calls without a response.
    func takeCalls() -> [InFlightCall] {
        calls.removeAll()
    }

    // MARK: Receiving

    /// The handler is added once the channel is active and, if required, secured.
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        loop.updateClock()
        var bytes = unwrapInboundIn(data)
        if rest.readableBytes > 0 {
            rest.writeBuffer(&bytes)
            swap(&rest, &bytes)
        }
        while let length = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) {
            guard length <= Self.maximumFrameBytes else { return context.close(promise: nil) }
            guard bytes.readableBytes >= Self.headerBytes + Int(length) else { break }
            guard take(bytes, at: bytes.readerIndex, length: Int(length)) else {
                return context.close(promise: nil)
            }
            bytes.moveReaderIndex(forwardBy: Self.headerBytes + Int(length))
        }
        rest = bytes.readableBytes > 0 ? bytes : ByteBuffer()
    }

    /// Processes a complete frame; false if a server must not send it.
    private func take(_ bytes: ByteBuffer, at index: Int, length: Int) -> Bool {
        guard let streamID = bytes.getInteger(at: index + 4, as: UInt32.self),
            bytes.getInteger(at: index + 8, as: UInt8.self) == Self.response
        else { return false }
        let body = index + Self.headerBytes
        let response = bytes.withUnsafeReadableBytes { whole in
            let offset = body - bytes.readerIndex
            return ResponseSummary(UnsafeRawBufferPointer(rebasing: whole[offset..<offset + length]))
        }
        guard let response,
            let payload = bytes.viewBytes(
                at: body + response.payload.lowerBound, length: response.payload.count)
        else { return false }
        if let call = calls.remove(streamID) {
            loop.didReceiveResponse(call, response.code, payload, on: self)
        }
        return true
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        loop.didCompleteRead(on: self)
    }

    func channelInactive(context: ChannelHandlerContext) {
        loop.didLose(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
