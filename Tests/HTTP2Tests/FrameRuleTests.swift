// RFC 9113 section by section: preface, frames, header blocks. Each case is one that conformance suites try.

import HTTP
import HTTP2
import NIOCore
import Testing

struct FrameRuleTests {
    // MARK: 3.4

    @Test func `settings and the window of the connection are the first that is sent`() {
        let peer = RulesPeer(isNew: true)
        peer.send { $0.writePreface(to: &$1) }
        #expect(peer.answers() == [.settings, .windowUpdate(0, (1 << 20) - 65_535)])
    }

    @Test func `bytes that are not the preface are told at the first wrong one`() {
        let peer = RulesPeer(isNew: true)
        peer.receive(bytes: Array("PRI * HTTP/1".utf8))
        #expect(peer.events == ["not HTTP/2"])
    }

    @Test func `a preface in pieces is one preface`() {
        let peer = RulesPeer(isNew: true)
        for byte in HTTP2Limits.clientPreface { peer.receive(bytes: [byte]) }
        peer.frame(.settings, 0)
        #expect(peer.answers() == [.settingsAcknowledged])
    }

    @Test func `a first frame that is not SETTINGS ends the connection`() {
        let peer = RulesPeer(isNew: true)
        peer.receive(bytes: HTTP2Limits.clientPreface)
        peer.ping()
        #expect(peer.hasFailed(.protocolError))
        let acknowledging = RulesPeer(isNew: true)
        acknowledging.receive(bytes: HTTP2Limits.clientPreface)
        acknowledging.frame(.settings, 0, .acknowledgement)
        #expect(acknowledging.hasFailed(.protocolError))
    }

    // MARK: 4.1

    @Test func `a frame of an unknown type is ignored`() {
        let peer = RulesPeer()
        peer.frame(0x16, 0, 0, [1, 2, 3])
        #expect(peer.isAlive)
    }

    @Test func `undefined flags and the reserved bit are ignored`() {
        let peer = RulesPeer()
        peer.frame(6, 0, 0x16, Array(repeating: 3, count: 8))
        #expect(peer.answers() == [.pong(0x0303_0303_0303_0303)])
        peer.now = peer.now + .minutes(2)
        peer.frame(6, 0x8000_0000, 0, Array(repeating: 4, count: 8))
        #expect(peer.answers() == [.pong(0x0404_0404_0404_0404)])
    }

    // MARK: 4.2

    @Test func `a DATA frame of 16384 bytes is read, and a longer one is not`() {
        let peer = RulesPeer(answering: 1)
        peer.headers(1, RulesPeer.post, .endHeaders)
        peer.frame(.data, 1, .endStream, Array(repeating: 0, count: 16_384))
        #expect(peer.events == ["request 1", "data 1 16384"])
        peer.headers(3, RulesPeer.post, .endHeaders)
        peer.frame(.data, 3, .endStream, Array(repeating: 0, count: 16_385))
        #expect(peer.hasFailed(.frameSizeError))
    }

    @Test func `HEADERS longer than 16384 bytes end the connection`() {
        let peer = RulesPeer()
        peer.frame(.headers, 1, [.endHeaders, .endStream], Array(repeating: 0x82, count: 16_385))
        #expect(peer.hasFailed(.frameSizeError))
    }

    // MARK: 4.3 and 6.10

    @Test func `a header block that cannot be decoded ends the connection`() {
        let peer = RulesPeer()
        peer.frame(.headers, 1, [.endHeaders, .endStream], [0x40])
        #expect(peer.hasFailed(.compressionError))
    }

    @Test func `only CONTINUATION of its stream may follow an open header block`() {
        let block = Array(repeating: UInt8(0x82), count: 1)
        for (type, streamID) in [
            (HTTP2FrameType.priority, UInt32(1)), (.headers, 3), (.data, 1), (.ping, 0), (.continuation, 3),
        ] {
            let peer = RulesPeer()
            peer.frame(.headers, 1, .endStream, block)
            peer.frame(type, streamID, .endHeaders, Array(repeating: 0, count: 8))
            #expect(peer.hasFailed(.protocolError), "\(type)")
        }
        let peer = RulesPeer()
        peer.frame(.headers, 1, .endStream, block)
        peer.frame(0x16, 0, 0, [])
        #expect(peer.hasFailed(.protocolError))
    }

    @Test func `header blocks continue in as many frames as are allowed`() {
        let peer = RulesPeer(answering: 1)
        let block = peer.block(RulesPeer.get)
        peer.frame(.headers, 1, .endStream, [block[0]])
        for byte in block.dropFirst().prefix(2) { peer.frame(.continuation, 1, [], [byte]) }
        peer.frame(.continuation, 1, .endHeaders, Array(block.dropFirst(3)))
        #expect(peer.events == ["request 1"])
    }

    @Test func `too many CONTINUATION frames end the connection`() {
        let peer = RulesPeer()
        peer.frame(.headers, 1, .endStream, [0x82])
        for _ in 0..<9 { peer.frame(.continuation, 1) }
        #expect(peer.hasFailed(.enhanceYourCalm))
    }

    @Test func `a header block beyond 16 KiB ends the connection`() {
        let peer = RulesPeer()
        peer.frame(.headers, 1, .endStream, Array(repeating: 0x82, count: 16_000))
        peer.frame(.continuation, 1, [], Array(repeating: 0x82, count: 1000))
        #expect(peer.hasFailed(.enhanceYourCalm))
    }

    @Test func `CONTINUATION without an open header block ends the connection`() {
        let afterHeaders = RulesPeer()
        afterHeaders.headers(1, RulesPeer.post, .endHeaders)
        afterHeaders.frame(.continuation, 1, .endHeaders, [0x82])
        #expect(afterHeaders.hasFailed(.protocolError))
        let afterContinuation = RulesPeer()
        let block = afterContinuation.block(RulesPeer.post)
        afterContinuation.frame(.headers, 1, [], block)
        afterContinuation.frame(.continuation, 1, .endHeaders)
        afterContinuation.frame(.continuation, 1, .endHeaders)
        #expect(afterContinuation.hasFailed(.protocolError))
        let ofConnection = RulesPeer()
        ofConnection.frame(.continuation, 0, .endHeaders, [0x82])
        #expect(ofConnection.hasFailed(.protocolError))
        let afterData = RulesPeer()
        afterData.headers(1, RulesPeer.post, .endHeaders)
        afterData.frame(.data, 1, [], [1])
        afterData.frame(.continuation, 1, .endHeaders, [0x82])
        #expect(afterData.hasFailed(.protocolError))
    }

    // MARK: 5.4 and 5.5

    @Test func `an error of the connection names the last stream that was accepted`() {
        let peer = RulesPeer()
        peer.headers(5)
        peer.frame(.ping, 0, [], [1])
        #expect(peer.answers() == [.goAway(5, .frameSizeError)])
    }

    // MARK: HPACK

    /// A literal field with the name `x-test`, without its value.
    private static let huffman: [UInt8] = [0x00, 0x85, 0xF2, 0xB2, 0x4A, 0x84, 0xFF]

    @Test func `a field in Huffman code is read`() {
        let peer = RulesPeer()
        let head = peer.block(RulesPeer.get)
        peer.frame(.headers, 1, [.endHeaders, .endStream], head + Self.huffman + [0x83, 0x49, 0x50, 0x9F])
        #expect(peer.events == ["request 1"])
    }

    @Test(
        arguments: [
            ("an index beyond the tables", [0xFF, 0x80, 0x01]), ("index 0", [0x80]),
            ("a table larger than announced", [0x3F, 0xE2, 0x1F]),
            ("a size update behind a field", [0x82, 0x20]),
            ("Huffman padding of a byte", huffman + [0x84, 0x49, 0x50, 0x9F, 0xFF]),
            ("Huffman padding of zeros", huffman + [0x83, 0x49, 0x50, 0x90]),
            ("the Huffman symbol of the end", huffman + [0x87, 0x49, 0x50, 0x9F, 0xFF, 0xFF, 0xFF, 0xFF]),
            ("a string beyond its block", [0x00, 0x7F, 0x10]),
        ] as [(String, [UInt8])])
    func `a header block against the rules ends the connection`(_ name: String, _ fields: [UInt8]) {
        let peer = RulesPeer()
        let isUpdate = fields == [0x3F, 0xE2, 0x1F]
        let head = peer.block(RulesPeer.get)
        peer.frame(.headers, 1, [.endHeaders, .endStream], isUpdate ? fields + head : head + fields)
        #expect(peer.hasFailed(.compressionError), "\(name)")
    }

    @Test func `a header list that grows by its table ends the connection`() {
        let peer = RulesPeer()
        let value = Array(repeating: UInt8(ascii: "v"), count: 3000)
        var block = peer.block(RulesPeer.get)
        block += [0x40, 1, UInt8(ascii: "k"), 0x7F, 0xB9, 0x16] + value
        block += Array(repeating: 0xBE, count: 1000)
        peer.frame(.headers, 1, [.endHeaders, .endStream], block)
        #expect(peer.hasFailed(.enhanceYourCalm))
    }

    @Test func `the head of equal blocks is decoded once, and not when the table has changed`() throws {
        var decoder = HeaderBlockProbe()
        let first = decoder.head([(":method", "POST"), (":scheme", "http"), (":path", "/a"), ("x", "1")])
        let again = decoder.head([(":method", "POST"), (":scheme", "http"), (":path", "/a"), ("x", "1")])
        let third = decoder.head([(":method", "POST"), (":scheme", "http"), (":path", "/a"), ("x", "1")])
        #expect(first !== again)
        #expect(again === third)
        #expect(again?.path == "/a")
        let other = decoder.head([(":method", "POST"), (":scheme", "http"), (":path", "/a"), ("x", "2")])
        #expect(other?.fields.map(\.value) == ["2"])
        let back = decoder.head([(":method", "POST"), (":scheme", "http"), (":path", "/a"), ("x", "1")])
        #expect(back?.fields.map(\.value) == ["1"])
    }
}
