import Foundation
import Testing

@testable import clinic_load

struct LoadReportTests {
    @Test func `a percentile is written with its unit`() throws {
        let percentile = Latency.Percentile(percentile: 99.9, microseconds: 1_250)
        let text = String(decoding: try JSONEncoder().encode(percentile), as: UTF8.self)
        #expect(text.contains("\"microseconds\":1250"))
    }
}
