// The rules of a connection's patience, by a clock that is a number.

import NIOCore
import Testing

@testable import TTRPC

private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

/// Holds the rules, since `#expect` cannot look into what is not copyable.
private final class Patience {
    private var rules: PeerPatience

    init() {
        var configuration = ServerConfiguration()
        configuration.headerTime = .seconds(10)
        configuration.frameTime = .seconds(30)
        configuration.unreadTime = .seconds(20)
        configuration.idleTime = .seconds(100)
        rules = PeerPatience(times: PeerPatience.Times(configuration), now: start)
    }

    var nextLook: Int64 { (rules.nextLook - start).nanoseconds / 1_000_000_000 }

    func served(_ number: UInt64?, hasHeader: Bool = false, at seconds: Int64) {
        _ = rules.served(
            unfinished: number.map { FrameDecoder.Unfinished(number: $0, hasHeader: hasHeader) },
            at: start + .seconds(seconds))
    }

    func callEnded() { rules.callEnded() }
    func stopped(at seconds: Int64) { _ = rules.stoppedReading(at: start + .seconds(seconds)) }
    func resumed(at seconds: Int64) { rules.resumedReading(at: start + .seconds(seconds)) }
    func beginDraining(at seconds: Int64) { rules.beginDraining(at: start + .seconds(seconds)) }

    /// Why the peer is given up at this time; nil if it is not.
    func look(at seconds: Int64, hasCalls: Bool = false) -> PeerPatience.Impatience? {
        switch rules.look(at: start + .seconds(seconds), hasCalls: hasCalls) {
        case .giveUp(let impatience): impatience
        case .lookAgain: nil
        }
    }
}

struct PeerPatienceTests {
    @Test func `a healthy peer is looked at once in the idle time`() {
        let patience = Patience()
        #expect(patience.nextLook == 100)
        patience.served(nil, at: 60)
        #expect(patience.look(at: 100) == nil)
        #expect(patience.nextLook == 160)
        #expect(patience.look(at: 159) == nil)
        #expect(patience.look(at: 160) == .idle)
    }

    @Test func `calls in flight and their end keep a connection from being idle`() {
        let patience = Patience()
        #expect(patience.look(at: 100, hasCalls: true) == nil)
        #expect(patience.nextLook == 200)
        patience.callEnded()
        #expect(patience.look(at: 200) == nil)
        #expect(patience.look(at: 299) == nil)
        #expect(patience.look(at: 300) == .idle)
    }

    @Test func `a header has its time from its first byte, whatever trickles in`() {
        let patience = Patience()
        for second in 5...14 as ClosedRange<Int64> { patience.served(1, at: second) }
        #expect(patience.nextLook == 15)
        #expect(patience.look(at: 14) == nil)
        #expect(patience.look(at: 15) == .header)
    }

    @Test func `a frame has its time from its first byte, whatever trickles in`() {
        let patience = Patience()
        patience.served(1, at: 5)
        for second in 6...34 as ClosedRange<Int64> { patience.served(1, hasHeader: true, at: second) }
        #expect(patience.nextLook == 35)
        #expect(patience.look(at: 34) == nil)
        #expect(patience.look(at: 35) == .frame)
    }

    @Test func `every frame has its own time, and none is left when it is complete`() {
        let patience = Patience()
        patience.served(1, hasHeader: true, at: 5)
        patience.served(2, hasHeader: true, at: 30)
        #expect(patience.nextLook == 60)
        patience.served(3, at: 50)
        #expect(patience.nextLook == 60)
        #expect(patience.look(at: 59) == nil)
        patience.served(nil, at: 59)
        #expect(patience.nextLook == 159)
    }

    @Test func `unread answers have their time, during which no frame can be held against the peer`() {
        let patience = Patience()
        patience.served(1, at: 1)
        patience.stopped(at: 5)
        patience.stopped(at: 20)
        #expect(patience.look(at: 24) == nil)
        #expect(patience.look(at: 25) == .unread)
        patience.resumed(at: 24)
        #expect(patience.nextLook == 124)
        patience.served(1, at: 24)
        #expect(patience.nextLook == 34)
    }

    @Test func `a draining connection is idle after a moment`() {
        let patience = Patience()
        patience.served(nil, at: 3)
        patience.beginDraining(at: 3)
        #expect(patience.look(at: 3) == nil)
        #expect(patience.look(at: 4, hasCalls: true) == nil)
        #expect(patience.look(at: 4) == nil)
        #expect(patience.look(at: 5) == .idle)
    }
    @Test func `a frame that is not complete has a second of a draining server`() {
        let patience = Patience()
        patience.served(1, hasHeader: true, at: 3)
        patience.beginDraining(at: 10)
        #expect(patience.look(at: 10) == nil)
        #expect(patience.nextLook == 11)
        #expect(patience.look(at: 11) == .frame)
    }

    @Test func `whoever waits for answers has the usual time for a frame, also of a draining server`() {
        let patience = Patience()
        patience.served(1, hasHeader: true, at: 3)
        patience.beginDraining(at: 10)
        for second in 11...32 as ClosedRange<Int64> {
            #expect(patience.look(at: second, hasCalls: true) == nil)
        }
        #expect(patience.look(at: 33, hasCalls: true) == .frame)
    }
}
