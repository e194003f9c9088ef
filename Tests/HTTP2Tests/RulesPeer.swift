// A client of the state machine: sends raw frames, and sees what they mean and what is sent back.

import NIOCore
import NIOHPACK

@testable import HTTP2

/// What was sent back, without the payloads that no test reads.
enum Answer: Equatable {
    case headers(UInt32, endsStream: Bool)
    case data(UInt32, Int, endsStream: Bool)
    case reset(UInt32, HTTP2ErrorCode)
    case goAway(UInt32, HTTP2ErrorCode)
    case settings
    case settingsAcknowledged
    case ping(UInt64)
    case pong(UInt64)
    case windowUpdate(UInt32, Int)
}

final class RulesPeer {
    static let get = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "here")]
    static let post = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "here")]

    var rules: HTTP2StateMachine
    var reader = HTTP2FrameReader()
    var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
    var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    /// The events since the last look, as texts.
    var events: [String] = []
    /// Whether each request is answered at its end with this body.
    var body: Int?
    var busyHandlers = 0
    private var sent = ByteBuffer()

    /// A connection after the preface and the settings of both sides.
    init(streams: Int = 128, uselessFrames: Int = 200, answering body: Int? = nil, isNew: Bool = false) {
        rules = HTTP2StateMachine(limits: .init(streams: streams, uselessFrames: uselessFrames))
        self.body = body
        guard !isNew else { return }
        receive(bytes: HTTP2Limits.clientPreface)
        frame(.settings, 0)
        _ = answers()
    }

    // MARK: Frames

    func frame(
        _ type: HTTP2FrameType, _ streamID: UInt32, _ flags: HTTP2Flags = [], _ payload: [UInt8] = []
    ) {
        frame(type.rawValue, streamID, flags.rawValue, payload)
    }

    func frame(_ type: UInt8, _ streamID: UInt32, _ flags: UInt8 = 0, _ payload: [UInt8] = []) {
        let count = payload.count
        var bytes: [UInt8] = [UInt8(count >> 16), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF), type, flags]
        bytes += [24, 16, 8, 0].map { UInt8(streamID >> $0 & 0xFF) }
        receive(bytes: bytes + payload)
    }

    func headers(
        _ streamID: UInt32, _ list: [(String, String)] = RulesPeer.get,
        _ flags: HTTP2Flags = [.endHeaders, .endStream]
    ) {
        frame(.headers, streamID, flags, block(list))
    }

    func block(_ list: [(String, String)]) -> [UInt8] {
        try? encoder.beginEncoding(allocator: ByteBufferAllocator())
        try? encoder.append(headers: HPACKHeaders(list))
        guard let buffer = try? encoder.endEncoding() else { return [] }
        return Array(buffer.readableBytesView)
    }

    func settings(_ values: [(UInt16, UInt32)]) {
        frame(
            .settings, 0, [],
            values.flatMap { id, value in
                [UInt8(id >> 8), UInt8(id & 0xFF)] + Self.bytes(value)
            })
    }

    func windowUpdate(_ streamID: UInt32, _ increment: UInt32) {
        frame(.windowUpdate, streamID, [], Self.bytes(increment))
    }

    func ping(_ data: UInt8 = 7) { frame(.ping, 0, [], Array(repeating: data, count: 8)) }

    static func bytes(_ number: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(number >> $0 & 0xFF) } }

    // MARK: The machine

    func receive(bytes: [UInt8]) {
        reader.append(ByteBuffer(bytes: bytes))
        while true {
            switch reader.next() {
            case .needsMoreBytes: return
            case .notHTTP2: return events.append("not HTTP/2")
            case .tooLong(let header):
                note(rules.receiveTooLong(header, answers: &sent))
                return
            case .frame(let header):
                let buffer = reader.buffer
                let event = buffer.withUnsafeReadableBytes { bytes in
                    rules.receive(
                        header, UnsafeRawBufferPointer(rebasing: bytes[9..<(9 + header.length)]),
                        busyHandlers: busyHandlers, now: now, answers: &sent)
                }
                reader.consume(header)
                note(event)
            }
        }
    }

    private func note(_ event: HTTP2Event) {
        switch event {
        case .none: break
        case .request(let slot, _, let isLast):
            events.append("request \(rules.streamID(at: slot))")
            if isLast { respond(slot) }
        case .data(let slot, let range, let isLast):
            events.append("data \(rules.streamID(at: slot)) \(range.count)")
            rules.take(range.count, slot, &sent)
            if isLast { respond(slot) }
        case .endOfRequest(let slot):
            events.append("end \(rules.streamID(at: slot))")
            respond(slot)
        case .cancelled(_, let streamID): events.append("cancelled \(streamID)")
        case .windowGrew: rules.sendWaiting(now: now, to: &sent)
        case .drainSeen: events.append("drain seen")
        case .connectionError(let code, _): events.append("failed \(code)")
        }
    }

    private func respond(_ slot: Int) {
        guard let body else { return }
        rules.writeHeaders(HTTP2HeaderWriter(status: 200).block, slot, to: &sent)
        rules.writeData(ByteBuffer(repeating: 1, count: body), slot, now: now, to: &sent)
        rules.end(slot, trailers: nil, now: now, to: &sent)
    }

    /// Changes what is sent by hand.
    func send(_ body: (inout HTTP2StateMachine, inout ByteBuffer) -> Void) { body(&rules, &sent) }

    /// What was sent since the last look.
    func answers() -> [Answer] {
        var result: [Answer] = []
        while sent.readableBytes >= 9 {
            let header = sent.withUnsafeReadableBytes { HTTP2FrameHeader($0) }
            sent.moveReaderIndex(forwardBy: 9)
            guard var payload = sent.readSlice(length: header.length) else { break }
            if let answer = Self.answer(header, &payload) { result.append(answer) }
        }
        return result
    }

    private static func answer(_ header: HTTP2FrameHeader, _ payload: inout ByteBuffer) -> Answer? {
        let (id, endsStream) = (header.streamID, header.flags.contains(.endStream))
        func code(_ number: UInt32?) -> HTTP2ErrorCode { HTTP2ErrorCode(rawValue: number ?? 0) ?? .noError }
        switch HTTP2FrameType(rawValue: header.type) {
        case .headers: return .headers(id, endsStream: endsStream)
        case .data: return .data(id, header.length, endsStream: endsStream)
        case .resetStream: return .reset(id, code(payload.readInteger()))
        case .goAway:
            let last: UInt32 = payload.readInteger() ?? 0
            return .goAway(last, code(payload.readInteger()))
        case .settings: return endsStream ? .settingsAcknowledged : .settings
        case .ping: return endsStream ? .pong(payload.readInteger() ?? 0) : .ping(payload.readInteger() ?? 0)
        case .windowUpdate: return .windowUpdate(id, Int(payload.readInteger(as: UInt32.self) ?? 0))
        default: return nil
        }
    }

    /// Whether the connection has failed with one of these codes, and has told the peer.
    func hasFailed(_ codes: HTTP2ErrorCode...) -> Bool {
        let answers = answers()
        return codes.contains { code in
            events.contains("failed \(code)")
                && answers.contains { if case .goAway(_, code) = $0 { true } else { false } }
        }
    }

    /// Whether a stream was reset with this code and the connection goes on.
    func hasReset(_ streamID: UInt32, _ code: HTTP2ErrorCode) -> Bool {
        answers().contains(.reset(streamID, code)) && isAlive
    }

    /// Whether a ping is answered.
    var isAlive: Bool {
        let (before, time) = (rules, now)
        defer { (rules, now) = (before, time) }
        now = now + .minutes(2)
        _ = answers()
        ping(9)
        return answers() == [.pong(0x0909_0909_0909_0909)]
    }
}
