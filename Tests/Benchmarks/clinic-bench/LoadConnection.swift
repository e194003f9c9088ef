// One connection of the load client: sends as many new requests as a read brought answers, in one write. An answer is
// judged by its first byte alone: the tag of a response's payload or that of its status.

internal import NIOCore
internal import ProtobufC
internal import Synchronization
internal import TTRPCMessages

/// What all connections have counted.
final class Tally: Sendable {
    private let answers = Atomic<Int>(0)
    private let requests = Atomic<Int>(0)
    private let firstFailure = Mutex<String?>(nil)

    var answered: Int { answers.load(ordering: .relaxed) }
    var sent: Int { requests.load(ordering: .relaxed) }
    /// Why the measurement is void.
    var failure: String? { firstFailure.withLock { $0 } }

    func add(answers count: Int) { answers.wrappingAdd(count, ordering: .relaxed) }
    func add(requests count: Int) { requests.wrappingAdd(count, ordering: .relaxed) }
    func fail(_ failure: String) { firstFailure.withLock { $0 = $0 ?? failure } }
}

final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let headerBytes = 10
    /// Tag of `payload` in a Response: field 2, length-delimited.
    private static let payloadTag: UInt8 = 2 << 3 | 2

    private let requests: Requests
    private let inFlight: Int
    private let tally: Tally
    private var rest = ByteBuffer()
    private var nextStreamID: UInt32 = 1
    private var answered = 0

    init(requests: Requests, inFlight: Int, tally: Tally) {
        self.requests = requests
        self.inFlight = inFlight
        self.tally = tally
    }

    /// Added when the channel is active, and secure if it is to be.
    func handlerAdded(context: ChannelHandlerContext) {
        send(inFlight, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if rest.readableBytes > 0 {
            rest.writeBuffer(&bytes)
            swap(&rest, &bytes)
        }
        while let length = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self),
            bytes.readableBytes >= Self.headerBytes + Int(length)
        {
            let body = bytes.readerIndex + Self.headerBytes
            if bytes.getInteger(at: body, as: UInt8.self) != Self.payloadTag {
                refused(bytes.getBytes(at: body, length: Int(length)) ?? [])
                return context.close(promise: nil)
            }
            bytes.moveReaderIndex(forwardBy: Self.headerBytes + Int(length))
            answered += 1
        }
        rest = bytes.readableBytes > 0 ? bytes : ByteBuffer()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard answered > 0 else { return }
        tally.add(answers: answered)
        send(answered, context)
        answered = 0
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        tally.fail("the connection failed: \(error)")
        context.close(promise: nil)
    }

    private func refused(_ body: [UInt8]) {
        let status = (try? TTRPCResponse(decoding: body, limits: .client))?.status
        tally.fail("a call failed: \(status?.message ?? "with an answer that is not one")")
    }

    private func send(_ count: Int, _ context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: count * 512)
        for _ in 0..<count {
            requests.write(to: &buffer, streamID: nextStreamID)
            nextStreamID &+= 2
        }
        tally.add(requests: count)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }
}
