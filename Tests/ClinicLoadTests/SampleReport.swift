// Sample reports for the tests of printing and comparing.

import Foundation

@testable import clinic_load

/// A sample report with adjustable properties.
struct Sample {
    var load = LoadShape.open(rate: 2_000, poisson: true)
    var seconds = 30
    /// The factor of all latencies.
    var slowness = 1.0
    /// The factor of all counts.
    var throughput = 1.0
    /// The share of failed calls.
    var errorShare = 0.0
    var operationNames = [
        "BookingService/BookAppointment", "BookingService/SearchSlots", "PaymentService/PayBooking",
    ]
    var workload = "book-and-pay"
    /// The relative variation between seconds.
    var variation = 0.04

    var report: LoadReport {
        let step = step(index: 0)
        return LoadReport(
            run: run, steps: [step], timeline: timeline(step: 0, from: 0, warmUp: 5),
            generator: GeneratorReport(
                processorShare: 0.42, threads: 2, peakMemoryBytes: 31 << 20,
                lateness: Self.latency(count: 60_000, median: 12), overflowed: 0, connectionsOpened: 8,
                connectionsLost: 0, saturated: nil),
            server: ServerReport(
                restarted: false, processorShare: 0.83, residentMemoryBytes: 48 << 20,
                receivedBytes: 18_000_000,
                sentBytes: 9_400_000, waitSeconds: ["reads": 0.25, "writes": 1.5],
                statementsPerGroup: ["reads": 1.25, "writes": 6.5], refused: ["SLOT_TAKEN": 1_800]),
            checks: [
                CheckResult(name: "no double booking", passed: true, detail: "60,000 bookings, none overlaps")
            ], assertions: [AssertionResult(text: "p99<50ms", passed: true, actual: "11.5 ms")])
    }

    var run: RunFacts {
        RunFacts(
            arguments: ["run", "--rate", "2000/s", "--scenario", workload], seed: 42,
            revision: "0123456789ab",
            started: "2026-11-23T22:00:00Z", address: "unix:/run/clinic.sock", workload: workload,
            connections: 8,
            machine: MachineFacts(
                processor: "AMD EPYC 7763", cores: 4, memoryBytes: 16 << 30, system: "Linux 6.1.0 x86_64"))
    }

    func step(index: Int) -> StepReport {
        let perOperation = UInt64(Double(seconds) * 666 * throughput)
        let operations = operationNames.enumerated().map { number, name in
            operation(name, count: perOperation, median: 1_200 * Double(number + 1) * slowness)
        }
        let count = perOperation * UInt64(operationNames.count)
        return StepReport(
            load: load, seconds: Double(seconds), scheduled: count, sent: count, answered: count, open: 0,
            throughput: Double(count) * (0.97 - errorShare) / Double(seconds), operations: operations,
            total: operation("all", count: count, median: 2_100 * slowness))
    }

    private func operation(_ name: String, count: UInt64, median: Double) -> OperationReport {
        let (taken, failed) = (count * 3 / 100, UInt64(Double(count) * errorShare))
        var statuses = [
            StatusReport(
                status: "OK", expected: true, count: count - taken - failed,
                response: Self.latency(count: count - taken - failed, median: median)),
            StatusReport(
                status: "ALREADY_EXISTS", expected: true, count: taken,
                response: Self.latency(count: taken, median: median * 0.7)),
        ]
        if failed > 0 {
            statuses.append(
                StatusReport(
                    status: "UNAVAILABLE", expected: false, count: failed,
                    response: Self.latency(count: failed, median: median * 4)))
        }
        return OperationReport(
            name: name, statuses: statuses, response: Self.latency(count: count, median: median),
            service: Self.latency(count: count, median: median * 0.8))
    }

    func timeline(step: Int, from start: Int, warmUp: Int) -> [TimelinePoint] {
        (0..<(seconds + warmUp)).map { second in
            // A deterministic variation.
            let wave = 1 + variation * sin(Double(second * second))
            let count = UInt64(2_000 * throughput * wave)
            let failed = UInt64(Double(count) * errorShare)
            return TimelinePoint(
                second: start + second, warmUp: second < warmUp, step: step, sent: count,
                statuses: [
                    "OK": count * 97 / 100 - failed, "ALREADY_EXISTS": count * 3 / 100, "UNAVAILABLE": failed,
                ],
                errors: failed, median: UInt64(2_100 * slowness * wave),
                p99: UInt64(11_500 * slowness * wave),
                maximum: UInt64(30_000 * slowness * wave * wave), inFlight: 64)
        }
    }

    /// A distribution with a long tail.
    static func latency(count: UInt64, median: Double) -> Latency {
        let value = { (percentile: Double) in
            UInt64(median * (0.4 + pow(-log10(1 - percentile / 100), 1.5) * 2.2 + percentile / 140))
        }
        let end = 100 - 100 / Double(max(count, 2))
        let curve = (0...120).map { step in
            let percentile = min(end, 100 - 100 * pow(10, -Double(step) / 20))
            return Latency.Percentile(percentile: percentile, microseconds: value(percentile))
        }
        let maximum = value(end) + value(end) / 8
        return Latency(
            count: count, minimum: value(0), mean: median * 1.2, maximum: maximum,
            percentiles: [50, 75, 90, 95, 99, 99.9, 99.99].map {
                Latency.Percentile(percentile: $0, microseconds: value($0))
            }, curve: curve + [Latency.Percentile(percentile: 100, microseconds: maximum)])
    }
}
