// Parsing and formatting of durations, rates and shares.

import Testing

@testable import clinic_load

struct UnitsTests {
    @Test(
        arguments: [
            ("500ms", .milliseconds(500)), ("10s", .seconds(10)), ("2m", .seconds(120)),
            ("1.5h", .seconds(5400)),
            ("250us", .microseconds(250)), ("250µs", .microseconds(250)), ("0s", .zero),
        ] as [(String, Duration)])
    func `a duration is parsed with its unit`(text: String, duration: Duration) {
        #expect(Duration(argument: text) == duration)
    }

    @Test(
        arguments: [
            (.seconds(1), "1s"), (.seconds(10), "10s"), (.milliseconds(1500), "1500ms"),
            (.seconds(120), "2m"),
            (.microseconds(250), "250us"),
        ] as [(Duration, String)])
    func `help shows a default in the form that the option accepts`(duration: Duration, text: String) {
        #expect(duration.defaultValueDescription == text && Duration(argument: text) == duration)
    }

    @Test(arguments: [
        "", "5", "ms", "-1s", "+1s", "1e3s", ".5s", "5.s", "1..2s", "5 s", "5S", "1d", "99999999h", "inf",
        "nans", "１s",
        "5s ", String(repeating: "9", count: 400) + "s",
    ])
    func `a malformed duration is rejected`(text: String) {
        #expect(Duration(argument: text) == nil)
    }

    @Test(
        arguments: [
            ("2000/s", 2000), ("2000", 2000), ("10k/s", 10_000), ("2.5M/s", 2_500_000), ("0.5/s", 0.5),
        ]
            as [(String, Double)])
    func `a rate is parsed`(text: String, perSecond: Double) {
        #expect(Rate(argument: text)?.perSecond == perSecond)
    }

    @Test(arguments: ["", "/s", "10/m", "10K/s", "-1/s", "1e9/s", "2M000", "99999M/s"])
    func `a malformed rate is rejected`(text: String) {
        #expect(Rate(argument: text) == nil)
    }

    @Test(arguments: [("1%", 0.01), ("0.5%", 0.005), ("150%", 1.5), ("0%", 0)] as [(String, Double)])
    func `a share is parsed`(text: String, fraction: Double) {
        #expect(Share(argument: text)?.fraction == fraction)
    }

    @Test(arguments: ["", "%", "1", "1 %", "-1%", "0.01", "1%%"])
    func `a malformed share is rejected`(text: String) {
        #expect(Share(argument: text) == nil)
    }

    @Test(
        arguments: [
            (0, "0 µs"), (850, "850 µs"), (999.4, "999 µs"), (999.6, "1.00 ms"), (1_250, "1.25 ms"),
            (61_240, "61.2 ms"), (99_960, "100 ms"), (612_000, "612 ms"), (999_700, "1.00 s"),
            (61_200_000, "61.2 s"),
            (4_000_000_000, "4,000 s"), (.nan, "-"), (.infinity, "-"), (1e30, "-"),
        ] as [(Double, String)])
    func `a duration is formatted with three digits`(microseconds: Double, text: String) {
        #expect(durationText(microseconds: microseconds) == text)
    }

    @Test func `rates, shares, counts and bytes are formatted`() {
        #expect(Rate(perSecond: 12_345.4).text == "12,345/s")
        #expect(Rate(perSecond: 3.14159).text == "3.14/s")
        #expect(Share(0.1234).text == "12.3 %")
        #expect(Share(0.00004).text == "0.004 %")
        #expect(Share(1).text == "100 %")
        #expect(Share(0).text == "0 %")
        #expect(Share(3, of: 0).fraction == 0)
        #expect(countText(1_234_567) == "1,234,567")
        #expect(countText(999) == "999")
        #expect(bytesText(512) == "512 B")
        #expect(bytesText(64 << 20) == "64.0 MiB")
        #expect(Duration.milliseconds(61).text == "61.0 ms")
    }
}
