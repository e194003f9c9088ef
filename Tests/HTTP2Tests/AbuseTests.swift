// What is legal and useless has a budget.

import HTTP2
import NIOCore
import Testing

struct AbuseTests {
    @Test(arguments: ["resets", "empty DATA", "priorities", "unknown", "settings", "updates", "malformed"])
    func `a flood of useless frames ends the connection, a few do not`(_ kind: String) {
        let peer = RulesPeer()
        var streamID: UInt32 = 1
        if kind == "empty DATA" { peer.headers(1, RulesPeer.post, .endHeaders) }
        func send(_ peer: RulesPeer) {
            switch kind {
            case "resets":
                peer.headers(streamID, RulesPeer.post, .endHeaders)
                peer.frame(.resetStream, streamID, [], [0, 0, 0, 8])
                streamID += 2
            case "empty DATA": peer.frame(.data, 1)
            case "priorities": peer.frame(.priority, 1001, [], [0, 0, 0, 0, 1])
            case "unknown": peer.frame(0x20, 0)
            case "settings": peer.frame(.settings, 0)
            case "updates": peer.windowUpdate(0, 1)
            default:
                peer.headers(streamID, [("a", "b")])
                streamID += 2
            }
        }
        for _ in 0..<150 { send(peer) }
        #expect(peer.isAlive)
        for _ in 0..<1000 where !peer.events.contains("failed enhanceYourCalm") { send(peer) }
        #expect(peer.hasFailed(.enhanceYourCalm))
    }

    @Test func `a budget is for ten seconds`() {
        let peer = RulesPeer()
        for _ in 0..<190 { peer.frame(0x20, 0) }
        peer.now = peer.now + .seconds(11)
        for _ in 0..<190 { peer.frame(0x20, 0) }
        #expect(peer.isAlive)
    }

    @Test func `the third ping that comes too soon ends the connection`() {
        let peer = RulesPeer()
        for _ in 0..<3 { peer.ping() }
        #expect(peer.events == [])
        peer.ping()
        #expect(peer.hasFailed(.enhanceYourCalm))
    }

    @Test func `pings between responses are no strikes`() {
        let peer = RulesPeer(answering: 10)
        for call in 0..<100 as Range<UInt32> {
            peer.headers(call * 2 + 1)
            peer.ping()
        }
        #expect(!peer.events.contains { $0.hasPrefix("failed") })
    }

    @Test func `pings may come every ten seconds with a stream, and every minute without`() {
        let peer = RulesPeer()
        peer.headers(1)
        for _ in 0..<20 {
            peer.now = peer.now + .seconds(10)
            peer.ping()
        }
        #expect(peer.events == ["request 1"])
        let idle = RulesPeer()
        for _ in 0..<20 {
            idle.now = idle.now + .seconds(10)
            idle.ping()
        }
        #expect(idle.hasFailed(.enhanceYourCalm))
    }
}
