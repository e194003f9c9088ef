// One connection of the load client: sends as many new requests as a read brought answers, in one write. An answer has to
// be that of a call in flight and is judged by its first byte alone: the tag of a response's payload or that of its status.

internal import Histogram
internal import NIOCore
internal import ProtobufC
internal import RPC
internal import RPCMessages
internal import Synchronization
internal import TTRPCMessages

/// What all connections have counted.
final class Tally: Sendable {
    private let answers = Atomic<Int>(0)
    private let requests = Atomic<Int>(0)
    private let firstFailure = Mutex<String?>(nil)
    /// How many calls may still be sent.
    private let remaining: Atomic<Int>
    /// The times from sending a request to reading its answer, in nanoseconds, since timing began.
    private let times = Mutex<Histogram<UInt32>?>(nil)

    /// - Parameter limit: how many calls are sent in all; nil for as many as the time allows.
    init(limit: Int?) { remaining = Atomic(limit ?? .max) }

    var answered: Int { answers.load(ordering: .relaxed) }
    var sent: Int { requests.load(ordering: .relaxed) }
    /// Why the measurement is void.
    var failure: String? { firstFailure.withLock { $0 } }

    /// How many of so many calls may be sent; those are taken from the rest.
    func take(_ count: Int) -> Int {
        let before = remaining.wrappingSubtract(count, ordering: .relaxed).oldValue
        return max(0, min(before, count))
    }

    func add(answers count: Int) { answers.wrappingAdd(count, ordering: .relaxed) }
    func add(requests count: Int) { requests.wrappingAdd(count, ordering: .relaxed) }
    func beginTiming() {
        times.withLock {
            $0 = Histogram(highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .two)
        }
    }

    func record(_ durations: [LoadConnection.Duration]) {
        times.withLock { times in
            guard times != nil else { return }
            for duration in durations {
                times?.record(UInt64(duration.time.nanoseconds), count: UInt32(duration.calls))
            }
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

    /// How long calls that were sent and answered together took.
    struct Duration {
        var time: TimeAmount
        var calls: Int
    }

    private static let headerBytes = 10
    private static let responseType: UInt8 = 2
    /// Tag of `payload` in a Response: field 2, length-delimited.
    private static let payloadTag: UInt8 = 2 << 3 | 2

    private let requests: Requests
    private let inFlight: Int
    private let tally: Tally
    private let allowsTaken: Bool
    /// Calls are sent only together, when all in flight are answered.
    private let inBursts: Bool

    private struct State: ~Copyable {
        /// When the calls in flight were sent, in a ring by their stream ids; nil for those that are answered. A peer
        /// answers long before the ring is full.
        var sendingTimes = [NIODeadline?](repeating: nil, count: 8192)
        var durations: [Duration] = []
        var rest = ByteBuffer()
        var outgoing = ByteBuffer()
        var nextStreamID: UInt32 = 1
        var answered = 0
    }

    // On the event loop only; a load generator must not pay for checks in each call that the server does not pay for.
    #if !DEBUG
    @exclusivity(unchecked)
    #endif
    private var state = State()

    init(requests: Requests, inFlight: Int, tally: Tally, allowsTaken: Bool, inBursts: Bool) {
        self.requests = requests
        self.inFlight = inFlight
        self.tally = tally
        self.allowsTaken = allowsTaken
        self.inBursts = inBursts
    }

    /// Added when the channel is active, and secure if it is to be.
    func handlerAdded(context: ChannelHandlerContext) {
        send(inFlight, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if state.rest.readableBytes > 0 {
            state.rest.writeBuffer(&bytes)
            swap(&state.rest, &bytes)
        }
        let now = NIODeadline.now()
        guard let taken = bytes.withUnsafeReadableBytes({ take($0, now) }) else {
            return context.close(promise: nil)
        }
        bytes.moveReaderIndex(forwardBy: taken)
        state.rest = bytes.readableBytes > 0 ? bytes : ByteBuffer()
    }

    /// Takes the answers that are complete, and says how many bytes they are; nil if one makes the measurement void.
    private func take(_ bytes: UnsafeRawBufferPointer, _ now: NIODeadline) -> Int? {
        var position = 0
        while bytes.count - position >= Self.headerBytes {
            let length = Int(
                UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
            let streamID = UInt32(
                bigEndian: bytes.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self))
            let body = position + Self.headerBytes
            guard bytes.count - body >= length else { break }
            let place = Int(streamID / 2) % state.sendingTimes.count
            guard let sent = state.sendingTimes[place], bytes[position + 8] == Self.responseType else {
                tally.fail("an answer came that is none to a call in flight")
                return nil
            }
            state.sendingTimes[place] = nil
            if length == 0 || bytes[body] != Self.payloadTag, !mayRefuse(Array(bytes[body..<body + length])) {
                return nil
            }
            if let last = state.durations.indices.last, state.durations[last].time == now - sent {
                state.durations[last].calls += 1
            } else {
                state.durations.append(Duration(time: now - sent, calls: 1))
            }
            state.answered += 1
            position = body + length
        }
        return position
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard state.answered >= (inBursts ? inFlight : 1) else { return }
        tally.add(answers: state.answered)
        tally.record(state.durations)
        state.durations.removeAll(keepingCapacity: true)
        send(state.answered, context)
        state.answered = 0
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        tally.fail("the connection failed: \(error)")
        context.close(promise: nil)
    }

    /// Whether a refusal counts as an answer; if not, the measurement is void.
    private func mayRefuse(_ body: [UInt8]) -> Bool {
        let status = (try? TTRPCResponse(decoding: body, limits: .client))?.status
        if allowsTaken, status?.code == RPC.StatusCode.alreadyExists.rawValue { return true }
        tally.fail("a call failed: \(status?.message ?? "with an answer that is not one")")
        return false
    }

    private func send(_ count: Int, _ context: ChannelHandlerContext) {
        state.outgoing.clear()
        let sent = requests.write(
            tally.take(count), to: &state.outgoing, firstStreamID: state.nextStreamID)
        let now = NIODeadline.now()
        for _ in 0..<sent {
            state.sendingTimes[Int(state.nextStreamID / 2) % state.sendingTimes.count] = now
            state.nextStreamID &+= 2
        }
        tally.add(requests: sent)
        if sent > 0 { context.writeAndFlush(wrapOutboundOut(state.outgoing), promise: nil) }
    }
}
