// One connection of the generator. It knows its calls in flight and the bytes on their way, and nothing of time or
// schedules: what a read brought goes to the loop, which decides what is sent next.

internal import NIOCore
internal import TTRPC

/// A connection of a loop, used on that loop only.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let headerBytes = 10
    private static let maximumFrameBytes = 4 << 20
    /// The most memory that is kept from one write for the next.
    private static let retainedBytes = 64 << 10
    /// The type of the frame that ends a call.
    private static let response: UInt8 = 2

    /// Its place among the loop's connections.
    let seat: Int
    private let loop: LoadLoop
    private(set) var calls: CallTable
    /// Set by the loop: it is given no more calls and closed when the last one is answered.
    var isRetiring = false
    private var context: ChannelHandlerContext?
    private var rest = ByteBuffer()
    private var outgoing = ByteBuffer()
    private var nextStreamID: UInt32 = 1

    init(seat: Int, maximumInFlight: Int, loop: LoadLoop) {
        self.seat = seat
        self.loop = loop
        calls = CallTable(capacity: maximumInFlight)
    }

    // MARK: Sending

    /// Puts a call's frame behind those that wait for `flush()`.
    func send(_ call: OpenCall) {
        let body = call.call.body
        if outgoing.capacity == 0, let context {
            outgoing = context.channel.allocator.buffer(capacity: 4 * (Self.headerBytes + body.readableBytes))
        }
        // A request is type 1 and has no flags.
        outgoing.writeMultipleIntegers(UInt32(body.readableBytes), nextStreamID, 1 as UInt8, 0 as UInt8)
        outgoing.writeImmutableBuffer(body)
        calls.insert(call, streamID: nextStreamID)
        nextStreamID &+= 2
    }

    /// Writes what waits.
    func flush() {
        guard outgoing.readableBytes > 0, let context else { return }
        var bytes = outgoing
        outgoing = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        // Written at once, as nearly always, it is free for the next calls; if not, this makes another.
        guard outgoing.capacity == 0, bytes.capacity <= Self.retainedBytes else { return }
        bytes.clear()
        outgoing = bytes
    }

    func close() {
        context?.close(promise: nil)
    }

    /// Takes all calls that have not been answered.
    func takeCalls() -> [OpenCall] {
        calls.removeAll()
    }

    // MARK: Receiving

    /// Added when the channel is active, and secure if it is to be.
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        loop.wake()
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

    /// Takes a whole frame; false if it is none of a server's.
    private func take(_ bytes: ByteBuffer, at index: Int, length: Int) -> Bool {
        guard let streamID = bytes.getInteger(at: index + 4, as: UInt32.self),
            bytes.getInteger(at: index + 8, as: UInt8.self) == Self.response
        else { return false }
        let body = index + Self.headerBytes
        let answer = bytes.withUnsafeReadableBytes { whole in
            let offset = body - bytes.readerIndex
            return Answer(UnsafeRawBufferPointer(rebasing: whole[offset..<offset + length]))
        }
        guard let answer,
            let payload = bytes.viewBytes(at: body + answer.payload.lowerBound, length: answer.payload.count)
        else { return false }
        if let call = calls.remove(streamID) {
            loop.answered(call, answer.code, payload, on: self)
        }
        return true
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        loop.readEnded(on: self)
    }

    func channelInactive(context: ChannelHandlerContext) {
        loop.lost(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
