// One connection of the load client: sends as many new requests as a read brought answers, in one write. An answer is
// judged by its first byte alone: the tag of a response's payload or that of its status.

internal import Histogram
internal import NIOCore
internal import ProtobufC
internal import Synchronization
internal import TTRPC
internal import TTRPCMessages

/// What all connections have counted.
final class Tally: Sendable {
    private let answers = Atomic<Int>(0)
    private let requests = Atomic<Int>(0)
    private let firstFailure = Mutex<String?>(nil)
    /// The times from sending a request to reading its answer, in nanoseconds, since timing began.
    private let times = Mutex<Histogram<UInt32>?>(nil)

    var answered: Int { answers.load(ordering: .relaxed) }
    var sent: Int { requests.load(ordering: .relaxed) }
    /// Why the measurement is void.
    var failure: String? { firstFailure.withLock { $0 } }

    func add(answers count: Int) { answers.wrappingAdd(count, ordering: .relaxed) }
    func add(requests count: Int) { requests.wrappingAdd(count, ordering: .relaxed) }
    func beginTiming() {
        times.withLock {
            $0 = Histogram(highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .two)
        }
    }

    func record(_ nanoseconds: [UInt64]) {
        times.withLock { times in
            guard times != nil else { return }
            for time in nanoseconds { times?.record(time) }
        }
    }

    func microseconds(atPercentile percentile: Double) -> Double {
        Double(times.withLock { $0?.valueAtPercentile(percentile) } ?? 0) / 1000
    }

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
    private let allowsTaken: Bool
    /// When the last calls were sent, in a ring by their stream ids; a peer answers long before it is round.
    private var sendingTimes = [NIODeadline](repeating: .now(), count: 8192)
    private var durations: [UInt64] = []
    private var rest = ByteBuffer()
    private var nextStreamID: UInt32 = 1
    private var answered = 0

    init(requests: Requests, inFlight: Int, tally: Tally, allowsTaken: Bool) {
        self.requests = requests
        self.inFlight = inFlight
        self.tally = tally
        self.allowsTaken = allowsTaken
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
        let now = NIODeadline.now()
        while let length = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self),
            let streamID = bytes.getInteger(at: bytes.readerIndex + 4, as: UInt32.self),
            bytes.readableBytes >= Self.headerBytes + Int(length)
        {
            let body = bytes.readerIndex + Self.headerBytes
            if bytes.getInteger(at: body, as: UInt8.self) != Self.payloadTag,
                !mayRefuse(bytes.getBytes(at: body, length: Int(length)) ?? [])
            {
                return context.close(promise: nil)
            }
            durations.append(UInt64((now - sendingTimes[Int(streamID / 2) % sendingTimes.count]).nanoseconds))
            bytes.moveReaderIndex(forwardBy: Self.headerBytes + Int(length))
            answered += 1
        }
        rest = bytes.readableBytes > 0 ? bytes : ByteBuffer()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard answered > 0 else { return }
        tally.add(answers: answered)
        tally.record(durations)
        durations.removeAll(keepingCapacity: true)
        send(answered, context)
        answered = 0
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        tally.fail("the connection failed: \(error)")
        context.close(promise: nil)
    }

    /// Whether a refusal counts as an answer; if not, the measurement is void.
    private func mayRefuse(_ body: [UInt8]) -> Bool {
        let status = (try? TTRPCResponse(decoding: body, limits: .client))?.status
        if allowsTaken, status?.code == TTRPC.StatusCode.alreadyExists.rawValue { return true }
        tally.fail("a call failed: \(status?.message ?? "with an answer that is not one")")
        return false
    }

    private func send(_ count: Int, _ context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: count * 512)
        let now = NIODeadline.now()
        var sent = 0
        while sent < count, requests.write(to: &buffer, streamID: nextStreamID) {
            sendingTimes[Int(nextStreamID / 2) % sendingTimes.count] = now
            nextStreamID &+= 2
            sent += 1
        }
        tally.add(requests: sent)
        if sent > 0 { context.writeAndFlush(wrapOutboundOut(buffer), promise: nil) }
    }
}
