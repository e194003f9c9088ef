// The swift-metrics backend: the page shows what handles record, and the number of series is bounded.

import CoreMetrics
import Testing

@testable import Monitoring

struct MetricsRegistryTests {
    private let registry = MetricsRegistry(families: [
        MetricFamily("x_total", .counter, help: "Some \\ and\nmore."), MetricFamily("g", .gauge, help: "G."),
        MetricFamily("t_seconds", .histogram, help: "T."),
    ])

    private var page: String {
        var page = PrometheusText()
        registry.write(into: &page)
        return page.text
    }

    @Test func `counters and gauges are written with help, type and labels`() {
        let counter = Counter(label: "x_total", dimensions: [("a", "q\"\\\n")], factory: registry)
        Counter(label: "x_total", dimensions: [("a", "never")], factory: registry).increment(by: 0)
        counter.increment()
        counter.increment(by: 41)
        let meter = Meter(label: "g", factory: registry)
        meter.set(2.5)
        meter.decrement(by: 4)
        #expect(
            page == """
                # HELP x_total Some \\\\ and\\nmore.
                # TYPE x_total counter
                x_total{a="q\\"\\\\\\n"} 42
                # HELP g G.
                # TYPE g gauge
                g -1.5

                """)
    }

    @Test func `two handles of one series share its value`() {
        for _ in 1...2 { Counter(label: "x_total", dimensions: [("a", "b")], factory: registry).increment() }
        #expect(page.contains("x_total{a=\"b\"} 2\n"))
    }

    @Test func `a histogram counts a value at a bucket's bound in it and values beyond the last bound`() {
        let timer = Timer(label: "t_seconds", dimensions: [("m", "a")], factory: registry)
        for value in [-5, 0, 10_000, 10_001, 1_000_000, 10_000_000_001, 3_600_000_000_000] as [Int64] {
            timer.recordNanoseconds(value)
        }
        let lines = page.split(separator: "\n").map(String.init)
        #expect(lines.count == 2 + 20 + 2)
        #expect(lines.contains("t_seconds_bucket{m=\"a\",le=\"1e-05\"} 3"))
        #expect(lines.contains("t_seconds_bucket{m=\"a\",le=\"2.5e-05\"} 4"))
        #expect(lines.contains("t_seconds_bucket{m=\"a\",le=\"0.001\"} 5"))
        #expect(lines.contains("t_seconds_bucket{m=\"a\",le=\"10\"} 5"))
        #expect(lines.contains("t_seconds_bucket{m=\"a\",le=\"+Inf\"} 7"))
        #expect(lines.last == "t_seconds_count{m=\"a\"} 7")
    }

    @Test func `undeclared families and handles of another kind are ignored`() {
        Counter(label: "unheard_of", factory: registry).increment()
        Counter(label: "g", factory: registry).increment()
        Meter(label: "x_total", factory: registry).set(1)
        #expect(page.isEmpty)
    }

    @Test func `the number of series in a family is limited`() {
        for number in 0..<MetricsRegistry.maximumSeries + 10 {
            Counter(label: "x_total", dimensions: [("n", "\(number)")], factory: registry).increment()
        }
        #expect(page.split(separator: "\n").count == 2 + MetricsRegistry.maximumSeries)
    }

    @Test func `concurrent updates from many threads are all counted`() async {
        let timer = Timer(label: "t_seconds", factory: registry)
        let meter = Meter(label: "g", factory: registry)
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1000 {
                        timer.recordNanoseconds(1)
                        meter.increment(by: 2)
                    }
                }
            }
        }
        #expect(page.contains("t_seconds_count 8000\n"))
        #expect(page.contains("g 16000\n"))
    }

    @Test(
        arguments: [
            (0, "0"), (-1, "-1"), (0.25, "0.25"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
            (1e300, "1e+300"), (9_007_199_254_740_992, "9007199254740992"),
        ] as [(Double, String)])
    func `numbers are written in Prometheus's format`(value: Double, text: String) {
        #expect(PrometheusText.number(value) == text)
    }
}
