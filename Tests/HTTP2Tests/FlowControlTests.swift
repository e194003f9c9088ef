// RFC 9113, 5.2 and 6.9: windows in both directions.

import HTTP2
import NIOCore
import Testing

struct FlowControlTests {
    @Test func `a window of one byte gets one byte at a time`() {
        let peer = RulesPeer(answering: 3)
        peer.settings([(4, 1)])
        _ = peer.answers()
        peer.headers(1)
        #expect(peer.answers() == [.headers(1, endsStream: false), .data(1, 1, endsStream: false)])
        peer.windowUpdate(1, 1)
        #expect(peer.answers() == [.data(1, 1, endsStream: false)])
        peer.windowUpdate(1, 1)
        #expect(peer.answers() == [.data(1, 1, endsStream: true)])
        #expect(peer.rules.waitingBytes == 0)
    }

    @Test func `of two values of one setting the last counts`() {
        let peer = RulesPeer(answering: 3)
        peer.settings([(4, 100), (4, 1)])
        _ = peer.answers()
        peer.headers(1)
        #expect(peer.answers().last == .data(1, 1, endsStream: false))
    }

    @Test func `a changed initial window changes the windows of open streams`() {
        let peer = RulesPeer(answering: 5)
        peer.settings([(4, 0)])
        peer.headers(1)
        _ = peer.answers()
        peer.settings([(4, 1)])
        #expect(peer.answers() == [.settingsAcknowledged, .data(1, 1, endsStream: false)])
    }

    @Test func `a window below zero has to grow above it first`() {
        let peer = RulesPeer(answering: 5)
        peer.settings([(4, 3)])
        peer.headers(1)
        _ = peer.answers()
        peer.settings([(4, 2)])
        peer.windowUpdate(1, 1)
        #expect(peer.answers() == [.settingsAcknowledged])
        peer.windowUpdate(1, 1)
        #expect(peer.answers() == [.data(1, 1, endsStream: false)])
    }

    @Test func `windows grow to 2^31-1 and no further`() {
        let connection = RulesPeer()
        connection.windowUpdate(0, 0x7FFF_FFFF)
        #expect(connection.hasFailed(.flowControlError))
        let stream = RulesPeer()
        stream.headers(1, RulesPeer.post, .endHeaders)
        stream.windowUpdate(1, 0x7FFF_FFFF)
        #expect(stream.hasReset(1, .flowControlError))
        let settings = RulesPeer()
        settings.headers(1, RulesPeer.post, .endHeaders)
        settings.windowUpdate(1, 100)
        settings.settings([(4, 0x7FFF_FFFF)])
        #expect(settings.hasFailed(.flowControlError))
    }

    @Test func `an increment of zero is an error`() {
        let connection = RulesPeer()
        connection.windowUpdate(0, 0)
        #expect(connection.hasFailed(.protocolError))
        let stream = RulesPeer()
        stream.headers(1, RulesPeer.post, .endHeaders)
        stream.windowUpdate(1, 0)
        #expect(stream.hasReset(1, .protocolError))
    }

    @Test func `streams share the window of the connection in turns`() {
        let peer = RulesPeer(answering: 40_000)
        for streamID in [1, 3, 5] as [UInt32] { peer.headers(streamID) }
        let sent = peer.answers().reduce(into: [UInt32: Int]()) { sums, answer in
            if case .data(let id, let count, _) = answer { sums[id, default: 0] += count }
        }
        #expect(sent == [1: 40_000, 3: 25_535])
        peer.windowUpdate(0, 20_000)
        peer.windowUpdate(0, 40_000)
        let rest = peer.answers().reduce(into: [UInt32: Int]()) { sums, answer in
            if case .data(let id, let count, _) = answer { sums[id, default: 0] += count }
        }
        #expect(rest == [3: 14_465, 5: 40_000])
        #expect(peer.rules.streamCount == 0)
    }

    @Test func `all that waits is sent when the windows become large at once`() {
        let peer = RulesPeer(answering: 200_000)
        peer.settings([(4, 0)])
        for streamID in [1, 3, 5] as [UInt32] { peer.headers(streamID) }
        peer.windowUpdate(0, 10 << 20)
        peer.settings([(4, 1 << 20)])
        #expect(peer.rules.streamCount == 0)
        #expect(peer.rules.waitingBytes == 0)
    }

    @Test func `a body beyond the window of its stream ends the stream`() {
        let peer = RulesPeer()
        peer.headers(1, RulesPeer.post, .endHeaders)
        #expect(overrun(peer))
    }

    /// Sends more than the window of a stream while nothing is taken.
    private func overrun(_ peer: RulesPeer) -> Bool {
        var rules = peer.rules
        var answers = ByteBuffer()
        let bytes = [UInt8](repeating: 0, count: 16_384)
        let header = HTTP2FrameHeader(length: bytes.count, type: .data, streamID: 1)
        for _ in 0..<16 {
            let event = bytes.withUnsafeBytes {
                rules.receive(header, $0, busyHandlers: 0, now: peer.now, answers: &answers)
            }
            guard case .data = event else { return false }
        }
        let event = bytes.withUnsafeBytes {
            rules.receive(header, $0, busyHandlers: 0, now: peer.now, answers: &answers)
        }
        guard case .cancelled(_, 1) = event else { return false }
        return answers.readableBytes == 13
    }

    @Test func `half of a window is announced again at once`() {
        let peer = RulesPeer()
        peer.headers(1, RulesPeer.post, .endHeaders)
        for _ in 0..<8 { peer.frame(.data, 1, [], Array(repeating: 0, count: 16_384)) }
        #expect(peer.answers() == [.windowUpdate(1, 128 << 10)])
        for _ in 0..<24 { peer.frame(.data, 1, [], Array(repeating: 0, count: 16_384)) }
        #expect(peer.answers().contains(.windowUpdate(0, 512 << 10)))
    }

    @Test func `a stream whose peer makes no room is found, and byte by byte is no progress`() {
        let peer = RulesPeer(answering: 5000)
        peer.settings([(4, 0)])
        peer.headers(1)
        peer.now = peer.now + .seconds(5)
        for _ in 0..<100 { peer.windowUpdate(1, 1) }
        #expect(peer.rules.stalledStreams(after: .seconds(10), now: peer.now).slots == [])
        peer.now = peer.now + .seconds(5)
        #expect(peer.rules.stalledStreams(after: .seconds(10), now: peer.now).slots == [0])
        peer.windowUpdate(1, 2000)
        #expect(peer.rules.stalledStreams(after: .seconds(10), now: peer.now).slots == [])
    }
}
