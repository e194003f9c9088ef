import Testing

@testable import clinic_load

struct AssertionTests {
    /// A hundred calls of 1 to 100 ms in two seconds, of which five failed.
    private static let record: RunRecord = {
        var step = StepRecord(operations: 2)
        for number in 1...100 {
            let time = UInt64(number) * 1000
            step.operations[0].add(
                number <= 95 ? 0 : 14, expected: number <= 95, response: time, service: time / 2)
        }
        step.succeeded = 95
        step.seconds = 2
        return RunRecord(operations: ["Health/Check", "Health/Watch"], steps: [step])
    }()

    @Test(arguments: [
        ("p99<100ms", true), ("p99<50ms", false), ("p50<=51ms", true), ("p50>40ms", true), ("p99.9<1s", true),
        ("mean<60ms", true), ("mean<50ms", false), ("max<200ms", true), ("max<99ms", false),
        ("errors<6%", true), ("errors<5%", false), ("errors<=5%", true), ("errors<1%", false),
        ("throughput>47", true), ("throughput>48/s", false), ("Health/Check:p99 < 100ms", true),
        ("Health/Watch:p99<1s", false), ("Health/Other:p99<1s", false),
    ])
    func `a bound is evaluated against the record`(_ text: String, _ holds: Bool) throws {
        let assertion = try #require(Assertion(argument: text))
        let result = assertion.result(Self.record)
        #expect(result.passed == holds, "\(result)")
    }

    @Test func `a result shows the actual value`() throws {
        let result = try #require(Assertion(argument: "p50<10ms")).result(Self.record)
        #expect(result.text == "p50<10ms" && result.actual == "50.0 ms")
    }

    @Test(arguments: [
        "", "p99", "p99<", "p99<50", "p99<50 apples", "p101<1s", "p<1s", "q99<1s", "errors<1s", "errors<0.1",
        "throughput<1%", "<5ms", "Health/Check:throughput>1",
    ])
    func `a malformed bound is rejected`(_ text: String) {
        #expect(Assertion(argument: text) == nil)
    }

    @Test func `a bound is evaluated over all steps`() throws {
        var record = Self.record
        record.steps.append(record.steps[0])
        #expect(try #require(Assertion(argument: "throughput>47")).result(record).passed)
        #expect(!(try #require(Assertion(argument: "throughput>48")).result(record).passed))
    }
}

struct RateSearchTests {
    private func trials(start: Double, capacity: Double) -> (tried: [Double], found: Double?) {
        var search = RateSearch(start: start)
        var tried: [Double] = []
        while let rate = search.next {
            tried.append(rate)
            search.add(rate <= capacity ? .passed : .failed)
        }
        return (tried, search.passed)
    }

    @Test(arguments: [(100.0, 3300.0), (1000, 1000), (5000, 40), (7, 99_999)])
    func `a search finds the capacity within five per cent`(_ start: Double, _ capacity: Double) throws {
        let (tried, found) = trials(start: start, capacity: capacity)
        let rate = try #require(found)
        #expect(rate <= capacity && capacity / rate <= RateSearch.precision + 0.001)
        #expect(tried.count < 30)
    }

    @Test func `a search starts by doubling the rate`() {
        #expect(trials(start: 100, capacity: 900).tried.prefix(5) == [100, 200, 400, 800, 1600])
    }

    @Test func `a trial that the generator limits is repeated, and three of them end the search`() {
        var search = RateSearch(start: 100)
        search.add(.passed)
        search.add(.limitedByGenerator)
        #expect(search.next == 200 && search.inconclusive == nil)
        search.add(.passed)
        for _ in 0..<RateSearch.attempts {
            #expect(search.next == 400)
            search.add(.limitedByGenerator)
        }
        #expect(search.next == nil && search.inconclusive == 400 && search.passed == 200)
    }

    @Test func `a search ends if no rate passes or every rate does`() {
        #expect(trials(start: 100, capacity: 0).found == nil)
        #expect(trials(start: 100, capacity: .infinity).found == RateSearch.greatestRate)
    }
}
