// The progress line of a run.

import Testing

@testable import clinic_load

struct ProgressLineTests {
    private let points = Sample(errorShare: 0.01).timeline(step: 0, from: 0, warmUp: 2)

    @Test func `on a terminal the line is overwritten and finally cleared`() {
        var written: [String] = []
        var line = ProgressLine(isTerminal: true, total: .seconds(32)) { written.append($0) }
        for point in points.prefix(3) { line.show(point) }
        line.end()
        line.end()
        #expect(written.count == 4)
        #expect(written[0].hasPrefix("\r1 s of 32 s (warm-up)  "))
        #expect(written[2].hasPrefix("\r3 s of 32 s  ") && written[2].contains("/s  64 in flight  p50 "))
        #expect(written[2].hasSuffix(" errors\u{1B}[K"))
        #expect(written[3] == "\r\u{1B}[K")
    }

    @Test func `without a terminal a plain line is printed every five seconds`() {
        var written: [String] = []
        var line = ProgressLine(isTerminal: false) { written.append($0) }
        for point in points.prefix(12) { line.show(point) }
        line.end()
        #expect(written.count == 2)
        #expect(written[0].hasPrefix("5 s  ") && written[1].hasPrefix("10 s  "))
        #expect(written.allSatisfy { $0.hasSuffix("\n") && !$0.contains("\r") })
    }

    @Test func `a second without responses shows no latency`() {
        var point = points[0]
        point.statuses = [:]
        point.errors = 1
        #expect(
            ProgressLine.text(point, of: nil) == "1 s (warm-up)  0/s  64 in flight  p50 -  p99 -  1 error")
    }
}
