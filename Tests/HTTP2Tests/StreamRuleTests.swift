// RFC 9113, 5 and 6: the states of streams, and the frames that belong to none.

import HTTP2
import NIOCore
import Testing

struct StreamRuleTests {
    // MARK: 5.1

    @Test(
        arguments: [
            (HTTP2FrameType.data, [1]), (.resetStream, [0, 0, 0, 8]), (.windowUpdate, [0, 0, 0, 100]),
            (.continuation, [0x82]),
        ] as [(HTTP2FrameType, [UInt8])])
    func `a frame on an idle stream ends the connection`(_ type: HTTP2FrameType, _ payload: [UInt8]) {
        let peer = RulesPeer()
        peer.frame(type, 1, [], payload)
        #expect(peer.hasFailed(.protocolError))
    }

    @Test func `PRIORITY may come in every state`() {
        let peer = RulesPeer(answering: 1)
        peer.frame(.priority, 1, [], [0, 0, 0, 0, 255])
        peer.headers(1)
        peer.frame(.priority, 1, [], [0x80, 0, 0, 5, 15])
        peer.headers(3, RulesPeer.post, .endHeaders)
        peer.frame(.priority, 3, [], [0, 0, 0, 1, 15])
        #expect(peer.isAlive)
    }

    @Test func `after its end a client may not go on with a stream`() {
        let data = RulesPeer()
        data.headers(1)
        data.frame(.data, 1, .endStream, [1])
        #expect(data.hasReset(1, .streamClosed))
        #expect(data.events == ["request 1", "cancelled 1"])
        let headers = RulesPeer()
        headers.headers(1)
        headers.headers(1)
        #expect(headers.hasReset(1, .streamClosed))
        let continuation = RulesPeer()
        continuation.headers(1)
        continuation.frame(.continuation, 1, .endHeaders, [0x82])
        #expect(continuation.hasFailed(.protocolError))
    }

    @Test func `a half-closed stream still takes windows, priorities and resets`() {
        let peer = RulesPeer()
        peer.headers(1)
        peer.windowUpdate(1, 100)
        peer.frame(.priority, 1, [], [0, 0, 0, 0, 15])
        peer.frame(.resetStream, 1, [], [0, 0, 0, 8])
        #expect(peer.events == ["request 1", "cancelled 1"])
        #expect(peer.isAlive)
    }

    @Test func `on a stream that the client has reset nothing may come`() {
        for type in [HTTP2FrameType.data, .headers] {
            let peer = RulesPeer()
            peer.headers(1, RulesPeer.post, .endHeaders)
            peer.frame(.resetStream, 1, [], [0, 0, 0, 8])
            if type == .data { peer.frame(.data, 1, .endStream, [1]) } else { peer.headers(1) }
            #expect(peer.hasReset(1, .streamClosed))
        }
    }

    @Test func `on a stream that has ended nothing may come`() {
        let data = RulesPeer(answering: 1)
        data.headers(1)
        data.frame(.data, 1, .endStream, [1])
        #expect(data.hasReset(1, .streamClosed))
        let headers = RulesPeer(answering: 1)
        headers.headers(1)
        headers.headers(1)
        #expect(headers.hasFailed(.streamClosed))
        let late = RulesPeer(answering: 1)
        late.headers(1)
        late.windowUpdate(1, 1)
        late.frame(.resetStream, 1, [], [0, 0, 0, 8])
        #expect(late.isAlive)
    }

    @Test func `what was on its way to a stream that was reset here is ignored`() {
        let peer = RulesPeer()
        peer.headers(1, RulesPeer.post, .endHeaders)
        peer.send { rules, buffer in rules.reset(rules.slot(of: 1) ?? 99, .cancel, to: &buffer) }
        _ = peer.answers()
        peer.frame(.data, 1, [], Array(repeating: 0, count: 100))
        peer.headers(1, [("a", "b")])
        #expect(peer.answers() == [])
        #expect(peer.isAlive)
    }

    // MARK: 5.1.1 and 5.1.2

    @Test func `ids of streams are odd and grow`() {
        let even = RulesPeer()
        even.headers(2)
        #expect(even.hasFailed(.protocolError))
        let lower = RulesPeer(answering: 1)
        lower.headers(5)
        lower.headers(3)
        #expect(lower.hasFailed(.protocolError))
    }

    @Test func `a stream beyond the limit is refused, and the connection goes on`() {
        let peer = RulesPeer(streams: 2)
        for streamID in [1, 3, 5] as [UInt32] { peer.headers(streamID) }
        #expect(peer.hasReset(5, .refusedStream))
        #expect(peer.events == ["request 1", "request 3"])
        peer.frame(.resetStream, 1, [], [0, 0, 0, 8])
        peer.headers(7)
        #expect(peer.events.last == "request 7")
        // A handler that still runs takes the place of its stream.
        peer.busyHandlers = 2
        peer.frame(.resetStream, 7, [], [0, 0, 0, 8])
        peer.headers(9)
        #expect(peer.hasReset(9, .refusedStream))
    }

    // MARK: 5.3.1

    @Test func `a stream that depends on itself is an error of the stream`() {
        let headers = RulesPeer()
        let block = headers.block(RulesPeer.get)
        headers.frame(.headers, 1, [.endHeaders, .endStream, .priority], [0, 0, 0, 1, 15] + block)
        #expect(headers.hasReset(1, .protocolError))
        let priority = RulesPeer()
        priority.headers(1, RulesPeer.post, .endHeaders)
        priority.frame(.priority, 1, [], [0, 0, 0, 1, 15])
        #expect(priority.hasReset(1, .protocolError))
    }

    @Test func `HEADERS may have padding and a priority`() {
        let peer = RulesPeer(answering: 1)
        let block = peer.block(RulesPeer.get)
        peer.frame(
            .headers, 1, [.endHeaders, .endStream, .priority, .padded],
            [3, 0x80, 0, 0, 0, 15] + block + [0, 0, 0])
        #expect(peer.events == ["request 1"])
    }

    // MARK: 6: frames on the wrong stream, of the wrong length, with the wrong padding

    @Test(
        arguments: [
            (HTTP2FrameType.data, 0, [1]), (.headers, 0, [0x82]), (.priority, 0, [0, 0, 0, 0, 15]),
            (.resetStream, 0, [0, 0, 0, 8]), (.settings, 1, []), (.ping, 1, [1, 2, 3, 4, 5, 6, 7, 8]),
            (.goAway, 1, [0, 0, 0, 0, 0, 0, 0, 0]), (.pushPromise, 1, [0, 0, 0, 2, 0x82]),
        ] as [(HTTP2FrameType, UInt32, [UInt8])])
    func `a frame on a stream where it cannot be ends the connection`(
        _ type: HTTP2FrameType, _ streamID: UInt32, _ payload: [UInt8]
    ) {
        let peer = RulesPeer()
        peer.headers(1, RulesPeer.post, .endHeaders)
        peer.frame(type, streamID, type == .headers ? .endHeaders : [], payload)
        #expect(peer.hasFailed(.protocolError))
    }

    @Test(
        arguments: [
            (HTTP2FrameType.resetStream, 1, 3), (.settings, 0, 3), (.ping, 0, 6), (.windowUpdate, 0, 3),
            (.windowUpdate, 1, 5), (.goAway, 0, 7),
        ] as [(HTTP2FrameType, UInt32, Int)])
    func `a frame of a wrong length ends the connection`(
        _ type: HTTP2FrameType, _ streamID: UInt32, _ count: Int
    ) {
        let peer = RulesPeer()
        peer.headers(1, RulesPeer.post, .endHeaders)
        peer.frame(type, streamID, [], Array(repeating: 1, count: count))
        #expect(peer.hasFailed(.frameSizeError))
    }

    @Test func `PRIORITY of a wrong length is an error of its stream`() {
        let peer = RulesPeer()
        peer.headers(1, RulesPeer.post, .endHeaders)
        peer.frame(.priority, 1, [], [1, 2, 3, 4])
        #expect(peer.hasReset(1, .frameSizeError))
    }

    @Test func `padding longer than its frame ends the connection`() {
        for type in [HTTP2FrameType.data, .headers] {
            let peer = RulesPeer()
            peer.headers(1, RulesPeer.post, .endHeaders)
            peer.frame(type, type == .data ? 1 : 3, [.padded, .endHeaders], [6, 1, 2, 3, 4, 5])
            #expect(peer.hasFailed(.protocolError))
            let empty = RulesPeer()
            empty.headers(1, RulesPeer.post, .endHeaders)
            empty.frame(type, type == .data ? 1 : 3, [.padded, .endHeaders], [])
            #expect(empty.hasFailed(.protocolError))
        }
    }

    @Test func `padding of DATA is no part of the body`() {
        let peer = RulesPeer()
        peer.headers(1, RulesPeer.post, .endHeaders)
        peer.frame(.data, 1, [.padded, .endStream], [3, 7, 7, 0, 0, 0])
        #expect(peer.events == ["request 1", "data 1 2"])
    }

    // MARK: 6.5

    @Test(arguments: [
        (UInt16(2), UInt32(2), HTTP2ErrorCode.protocolError), (4, 0x8000_0000, .flowControlError),
        (5, 16_383, .protocolError), (5, 16_777_216, .protocolError),
    ])
    func `a setting out of its range ends the connection`(
        _ id: UInt16, _ value: UInt32, _ code: HTTP2ErrorCode
    ) {
        let peer = RulesPeer()
        peer.settings([(id, value)])
        #expect(peer.hasFailed(code))
    }

    @Test func `settings are acknowledged, and unknown ones ignored`() {
        let peer = RulesPeer()
        peer.settings([(0xFF, 1), (3, 100), (6, 1000)])
        #expect(peer.answers() == [.settingsAcknowledged])
        peer.frame(.settings, 0, .acknowledgement)
        #expect(peer.isAlive)
        peer.frame(.settings, 0, .acknowledgement, [1, 2, 3, 4, 5, 6])
        #expect(peer.hasFailed(.frameSizeError))
    }

    @Test func `a smaller table of the peer is acknowledged by the next header block`() {
        let peer = RulesPeer(answering: 1)
        peer.settings([(1, 0)])
        _ = peer.answers()
        #expect(peer.rules.needsBlockPrefix)
        peer.headers(1)
        #expect(!peer.rules.needsBlockPrefix)
    }

    // MARK: 6.7, 6.8 and 7

    @Test func `pings are answered, and acknowledgements of unknown pings ignored`() {
        let peer = RulesPeer()
        peer.frame(.ping, 0, .acknowledgement, Array(repeating: 1, count: 8))
        #expect(peer.answers() == [])
        peer.ping(5)
        #expect(peer.answers() == [.pong(0x0505_0505_0505_0505)])
    }

    @Test func `unknown error codes have no effect`() {
        let peer = RulesPeer()
        peer.headers(1, RulesPeer.post, .endHeaders)
        peer.frame(.resetStream, 1, [], [0, 0, 0, 0xFF])
        peer.frame(.goAway, 0, [], [0, 0, 0, 0, 0, 0, 0, 0xFF])
        #expect(peer.isAlive)
    }

    @Test func `the end is announced, and later told with the true last stream`() {
        let peer = RulesPeer()
        peer.headers(1)
        peer.send { rules, buffer in rules.announceDrain(to: &buffer) }
        #expect(peer.answers().first == .goAway(0x7FFF_FFFF, .noError))
        peer.headers(3)
        peer.frame(.ping, 0, .acknowledgement, [0x63, 0x6c, 0x69, 0x6e, 0x69, 0x63, 0x2e, 0x31])
        #expect(peer.events == ["request 1", "request 3", "drain seen"])
        peer.send { rules, buffer in
            rules.endDrain(to: &buffer)
            rules.endDrain(to: &buffer)
        }
        #expect(peer.answers() == [.goAway(3, .noError)])
        peer.headers(5)
        peer.frame(.data, 5, .endStream, [1])
        #expect(peer.answers() == [])
        #expect(peer.events.last == "drain seen")
    }
}
