import Testing

@testable import clinic_load

struct ScheduleTests {
    private func times(
        _ stages: [Stage], _ kind: ArrivalKind = .constant, seed: UInt64 = 1, loop: Int = 0, of loops: Int = 1
    ) -> [Double] {
        var arrivals = ArrivalSchedule(stages: stages, kind: kind, seed: seed, loop: loop, of: loops)
        var times: [Double] = []
        while let arrival = arrivals.next() { times.append(Double(arrival.time) / 1e9) }
        return times
    }

    @Test func `a constant rate is evenly spaced`() {
        let times = times([.steady(rate: 1000, seconds: 2)])
        #expect(times.count == 2000)
        #expect(zip(times, times.dropFirst()).allSatisfy { abs($1 - $0 - 0.001) < 1e-6 })
    }

    @Test func `loops share a constant schedule without a gap`() {
        let stages = [Stage.steady(rate: 100, seconds: 1), .steady(rate: 300, seconds: 1)]
        let parts = (0..<3).flatMap { times(stages, loop: $0, of: 3) }.sorted()
        #expect(parts == times(stages))
    }

    @Test func `a new stage changes the rate at its start`() {
        var arrivals = ArrivalSchedule(
            stages: [.steady(rate: 100, seconds: 1), .steady(rate: 1000, seconds: 1)], kind: .constant,
            seed: 1)
        var counts = [0, 0]
        while let arrival = arrivals.next() {
            counts[arrival.stage] += 1
            #expect((arrival.time >= 1_000_000_000) == (arrival.stage == 1))
        }
        #expect(counts == [100, 1000])
    }

    @Test func `the number of calls in a ramp is the integral of its rate`() {
        let stage = Stage.ramp(from: 0.001, to: 1000, seconds: 10)
        let times = times([stage])
        #expect(abs(Double(times.count) - 5000) <= 1)
        #expect(abs(times.count { $0 < 5 } - 1250) <= 2)
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test func `a descending ramp ends at its final rate`() {
        let times = times([.ramp(from: 1000, to: 100, seconds: 2)])
        #expect(times.count == 1100)
        #expect(abs(times.count { $0 < 1 } - 775) <= 1)
    }

    @Test func `a spike is in the middle tenth of its time`() {
        let times = times([.spike(base: 100, peak: 5000, seconds: 10)])
        #expect(times.count { $0 < 4.5 } == 450)
        #expect(abs(times.count { (4.5..<5.5).contains($0) } - 5000) <= 1)
    }

    @Test func `Poisson arrivals have the mean and variance of independent events`() {
        let times = times([.steady(rate: 1000, seconds: 100)], .poisson, seed: 7)
        // With 100,000 arrivals, six standard deviations are 1,900.
        #expect(abs(times.count - 100_000) < 1900)
        let distances = zip(times, times.dropFirst()).map { $1 - $0 }
        let mean = distances.reduce(0, +) / Double(distances.count)
        let variance = distances.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(distances.count)
        #expect(abs(mean * 1000 - 1) < 0.02)
        #expect(abs(variance.squareRoot() / mean - 1) < 0.03)
    }

    @Test func `the same seed repeats Poisson arrivals, another seed or loop does not`() {
        let stages = [Stage.steady(rate: 1000, seconds: 1)]
        #expect(times(stages, .poisson, seed: 5) == times(stages, .poisson, seed: 5))
        #expect(times(stages, .poisson, seed: 5) != times(stages, .poisson, seed: 6))
        #expect(times(stages, .poisson, loop: 0, of: 2) != times(stages, .poisson, loop: 1, of: 2))
    }

    @Test func `Poisson loops add up to the full rate`() {
        let stages = [Stage.ramp(from: 1000, to: 3000, seconds: 20)]
        let count = (0..<4).reduce(0) { $0 + times(stages, .poisson, seed: 3, loop: $1, of: 4).count }
        #expect(abs(count - 40_000) < 1200)
    }

    @Test func `stages are parsed`() throws {
        let stages = try Stage.list("1000/s:10s, ramp:100/s..5k/s:30s,spike:1/s..50/s:500ms")
        #expect(
            stages == [
                .steady(rate: 1000, seconds: 10), .ramp(from: 100, to: 5000, seconds: 30),
                .spike(base: 1, peak: 50, seconds: 0.5),
            ])
    }

    @Test(arguments: [
        "", "1000/s", "0/s:1s", "10/s:0s", "ramp:10/s:1s", "jump:1/s..2/s:1s", "10/s:1s,", "a:b",
    ])
    func `a malformed stage is rejected`(_ text: String) {
        #expect(throws: StageTextError.self) { try Stage.list(text) }
    }
}
