// The rules of a connection's timeouts, by a clock that is a number.

import NIOCore
import Testing

@testable import RPC

private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

/// Holds the rules, since `#expect` cannot look into what is not copyable.
private final class Timeouts {
    private var rules: ConnectionTimeouts

    init() {
        var configuration = ServerConfiguration()
        configuration.headerTime = .seconds(10)
        configuration.frameTime = .seconds(30)
        configuration.unreadTime = .seconds(20)
        configuration.idleTime = .seconds(100)
        rules = ConnectionTimeouts(times: ConnectionTimeouts.Times(configuration), now: start)
    }

    var nextLook: Int64 { (rules.nextLook - start).nanoseconds / 1_000_000_000 }

    func served(_ number: UInt64?, hasHeader: Bool = false, at seconds: Int64) {
        _ = rules.served(
            unfinished: number.map { UnfinishedMessage(number: $0, hasHeader: hasHeader) },
            at: start + .seconds(seconds))
    }

    func callEnded() { rules.callEnded() }
    func stopped(at seconds: Int64) { _ = rules.stoppedReading(at: start + .seconds(seconds)) }
    func resumed(at seconds: Int64) { rules.resumedReading(at: start + .seconds(seconds)) }
    func beginDraining(at seconds: Int64) { rules.beginDraining(at: start + .seconds(seconds)) }

    /// Why the peer is given up at this time; nil if it is not.
    func look(at seconds: Int64, hasCalls: Bool = false) -> ConnectionTimeouts.Timeout? {
        switch rules.look(at: start + .seconds(seconds), hasCalls: hasCalls) {
        case .timedOut(let timeout): timeout
        case .lookAgain: nil
        }
    }
}

struct ConnectionTimeoutsTests {
    @Test func `a healthy peer is looked at once in the idle time`() {
        let timeouts = Timeouts()
        #expect(timeouts.nextLook == 100)
        timeouts.served(nil, at: 60)
        #expect(timeouts.look(at: 100) == nil)
        #expect(timeouts.nextLook == 160)
        #expect(timeouts.look(at: 159) == nil)
        #expect(timeouts.look(at: 160) == .idle)
    }

    @Test func `calls in flight and their end keep a connection from being idle`() {
        let timeouts = Timeouts()
        #expect(timeouts.look(at: 100, hasCalls: true) == nil)
        #expect(timeouts.nextLook == 200)
        timeouts.callEnded()
        #expect(timeouts.look(at: 200) == nil)
        #expect(timeouts.look(at: 299) == nil)
        #expect(timeouts.look(at: 300) == .idle)
    }

    @Test func `a header has its time from its first byte, whatever trickles in`() {
        let timeouts = Timeouts()
        for second in 5...14 as ClosedRange<Int64> { timeouts.served(1, at: second) }
        #expect(timeouts.nextLook == 15)
        #expect(timeouts.look(at: 14) == nil)
        #expect(timeouts.look(at: 15) == .header)
    }

    @Test func `a frame has its time from its first byte, whatever trickles in`() {
        let timeouts = Timeouts()
        timeouts.served(1, at: 5)
        for second in 6...34 as ClosedRange<Int64> { timeouts.served(1, hasHeader: true, at: second) }
        #expect(timeouts.nextLook == 35)
        #expect(timeouts.look(at: 34) == nil)
        #expect(timeouts.look(at: 35) == .message)
    }

    @Test func `every frame has its own time, and none is left when it is complete`() {
        let timeouts = Timeouts()
        timeouts.served(1, hasHeader: true, at: 5)
        timeouts.served(2, hasHeader: true, at: 30)
        #expect(timeouts.nextLook == 60)
        timeouts.served(3, at: 50)
        #expect(timeouts.nextLook == 60)
        #expect(timeouts.look(at: 59) == nil)
        timeouts.served(nil, at: 59)
        #expect(timeouts.nextLook == 159)
    }

    @Test func `unread answers have their time, during which no frame can be held against the peer`() {
        let timeouts = Timeouts()
        timeouts.served(1, at: 1)
        timeouts.stopped(at: 5)
        timeouts.stopped(at: 20)
        #expect(timeouts.look(at: 24) == nil)
        #expect(timeouts.look(at: 25) == .unread)
        timeouts.resumed(at: 24)
        #expect(timeouts.nextLook == 124)
        timeouts.served(1, at: 24)
        #expect(timeouts.nextLook == 34)
    }

    @Test func `a draining connection is idle after a moment`() {
        let timeouts = Timeouts()
        timeouts.served(nil, at: 3)
        timeouts.beginDraining(at: 3)
        #expect(timeouts.look(at: 3) == nil)
        #expect(timeouts.look(at: 4, hasCalls: true) == nil)
        #expect(timeouts.look(at: 4) == nil)
        #expect(timeouts.look(at: 5) == .idle)
    }
    @Test func `calls on a draining connection keep it open once, so that a client goes elsewhere`() {
        let timeouts = Timeouts()
        timeouts.served(nil, at: 3)
        timeouts.beginDraining(at: 3)
        timeouts.served(nil, at: 4)
        #expect(timeouts.look(at: 4) == nil)
        timeouts.served(nil, at: 5)
        #expect(timeouts.look(at: 5) == .idle)
    }

    @Test func `a frame that is not complete has a second of a draining server`() {
        let timeouts = Timeouts()
        timeouts.served(1, hasHeader: true, at: 3)
        timeouts.beginDraining(at: 10)
        #expect(timeouts.look(at: 10) == nil)
        #expect(timeouts.nextLook == 11)
        #expect(timeouts.look(at: 11) == .message)
    }

    @Test func `whoever waits for answers has the usual time for a frame, also of a draining server`() {
        let timeouts = Timeouts()
        timeouts.served(1, hasHeader: true, at: 3)
        timeouts.beginDraining(at: 10)
        for second in 11...32 as ClosedRange<Int64> {
            #expect(timeouts.look(at: second, hasCalls: true) == nil)
        }
        #expect(timeouts.look(at: 33, hasCalls: true) == .message)
    }
}
