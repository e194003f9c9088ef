// The lines that are left of many.

import Logging
import NIOCore
import TestRPC
import Testing

@testable import RPC

struct RateLimitedLoggerTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test func `a few lines of a kind are written, the rest is counted in the next window`() {
        let lines = LogLines()
        let log = RateLimitedLogger(lines.logger)
        for number in 1...100 { log.notice(.notTTRPC, ["peer": "\(number)"], now: start) }
        #expect(lines.all.count == RateLimitedLogger.linesPerWindow)
        #expect(lines.all.first == "bytes that are not ttrpc; closing peer=1")
        log.notice(.uselessFrames, [:], now: start)
        #expect(lines.all.count == RateLimitedLogger.linesPerWindow + 1)
        log.notice(.notTTRPC, ["peer": "101"], now: start + RateLimitedLogger.windowTime)
        #expect(lines.all.last == "bytes that are not ttrpc; closing peer=101 suppressed=95")
        log.notice(.notTTRPC, ["peer": "102"], now: start + RateLimitedLogger.windowTime)
        #expect(lines.all.last == "bytes that are not ttrpc; closing peer=102")
    }

    @Test func `what is not written costs nothing to describe`() {
        let log = RateLimitedLogger(LogLines().logger)
        var described = 0
        func metadata() -> Logger.Metadata {
            described += 1
            return [:]
        }
        for _ in 1...100 { log.notice(.slowPeer, metadata(), now: start) }
        #expect(described == RateLimitedLogger.linesPerWindow)
    }
}
