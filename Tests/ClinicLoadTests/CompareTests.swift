// What `clinic-load compare` reports as a change.

import ArgumentParser
import Foundation
import Testing

@testable import clinic_load

struct CompareTests {
    private func verdicts(_ before: Sample, _ after: Sample) -> [String: Comparison.Row.Verdict] {
        let rows = Comparison(before.report, after.report).rows
        return Dictionary(
            uniqueKeysWithValues: rows.filter { $0.operation == "all" }.map { ($0.figure, $0.verdict) })
    }

    @Test func `a slower server is worse and a faster one better`() {
        let slow = verdicts(Sample(), Sample(slowness: 1.3))
        #expect(slow["p50"] == .worse && slow["p90"] == .worse && slow["p99"] == .worse)
        #expect(slow["throughput"] == .same && slow["errors"] == .same)
        let fast = verdicts(Sample(slowness: 1.3), Sample())
        #expect(fast["p50"] == .better && fast["p99"] == .better)
    }

    @Test func `less throughput is worse and more is better`() {
        #expect(verdicts(Sample(), Sample(throughput: 0.8))["throughput"] == .worse)
        #expect(verdicts(Sample(), Sample(throughput: 1.3))["throughput"] == .better)
    }

    @Test func `a change within a run's own variation does not count`() {
        #expect(verdicts(Sample(), Sample(slowness: 1.2))["p50"] == .worse)
        let varying = verdicts(Sample(variation: 0.5), Sample(slowness: 1.2, variation: 0.5))
        #expect(varying["p50"] == .same && varying["p99"] == .same)
    }

    @Test func `a significant increase of errors is worse`() {
        #expect(verdicts(Sample(), Sample(errorShare: 0.01))["errors"] == .worse)
        #expect(verdicts(Sample(errorShare: 0.01), Sample(errorShare: 0.01))["errors"] == .same)
        let rows = Comparison(Sample().report, Sample(errorShare: 0.01).report).worse(by: Share(0.5))
        #expect(rows.contains { $0.name == "all errors" && $0.changeText == "new" })
    }

    @Test func `no change counts in a run that was too short`() {
        let comparison = Comparison(Sample(seconds: 4).report, Sample(seconds: 4, slowness: 3).report)
        #expect(!comparison.rows.isEmpty && comparison.rows.allSatisfy { $0.verdict == .same })
        #expect(comparison.notes.contains("step 1 was measured for fewer than 5 seconds: no change counts"))
    }

    @Test func `differences between the runs are noted`() {
        var after = Sample(
            load: .closed(concurrency: 8), operationNames: ["BookingService/BookAppointment", "new"])
        after.workload = "another"
        let text = Comparison(Sample().report, after.report).text
        #expect(text.contains("Note: workload differs: book-and-pay | another\n"))
        #expect(
            text.contains(
                "Note: step 1 differs: open loop, 2,000/s, Poisson arrivals | closed loop, 8 in flight\n"))
        #expect(text.contains("Note: only the first has PaymentService/PayBooking\n"))
        #expect(text.contains("Note: only the second has new\n"))
    }

    @Test func `the command exits with 3 if a figure is worse by more than allowed`() throws {
        let folder = try TemporaryFolder()
        let (before, after) = (folder.path + "/before.json", folder.path + "/after.json")
        try Sample().report.json().write(to: .init(filePath: before))
        try Sample(slowness: 1.3).report.json().write(to: .init(filePath: after))
        let code = #expect(throws: ExitCode.self) {
            try CompareCommand.parse([before, after, "--fail-over", "10%"]).run()
        }
        #expect(code == ExitCode(3))
        try CompareCommand.parse([before, after, "--fail-over", "50%"]).run()
        try CompareCommand.parse([after, before, "--fail-over", "0%"]).run()
        try CompareCommand.parse([before, after]).run()
        #expect(throws: (any Error).self) { try CompareCommand.parse([before, after, "--fail-over", "10"]) }
    }

    @Test func `the table shows figure, change and verdict`() {
        let lines = Comparison(Sample().report, Sample(slowness: 1.3).report).text.split(separator: "\n")
        #expect(lines[0].split(separator: " ") == ["OPERATION", "FIGURE", "BEFORE", "AFTER", "CHANGE"])
        #expect(
            lines.contains {
                $0.split(separator: " ").map(String.init).starts(with: ["all", "p50"])
                    && $0.contains("+30.0 %")
                    && $0.hasSuffix("WORSE")
            })
    }

    @Test func `less offered load that is all answered is not worse`() {
        let full = Sample(load: .open(rate: 2_000, poisson: true)).report
        let half = Sample(load: .open(rate: 1_000, poisson: true), throughput: 0.5).report
        let row = Comparison(full, half).rows.first { $0.operation == "all" && $0.figure == "throughput" }
        #expect(row?.verdict == .same)
        // Half of what was offered is lost.
        let lost = Sample(load: .open(rate: 2_000, poisson: true), throughput: 0.5).report
        let loss = Comparison(full, lost).rows.first { $0.operation == "all" && $0.figure == "throughput" }
        #expect(loss?.verdict == .worse)
    }

    @Test func `repeated runs are judged by how much they differ from each other`() throws {
        func verdict(_ before: [Double], _ after: [Double]) -> Comparison.Row.Verdict? {
            func reports(_ slowness: [Double]) -> [LoadReport] {
                slowness.map { Sample(slowness: $0).report }
            }
            return RepeatedComparison(reports(before), reports(after)).rows
                .first { $0.operation == "all" && $0.figure == "p50" }?.verdict
        }
        #expect(verdict([1, 1.01, 0.99], [1.1, 1.11, 1.09]) == .worse)
        #expect(verdict([1.1, 1.11, 1.09], [1, 1.01, 0.99]) == .better)
        // The same means with runs that differ by more.
        #expect(verdict([0.8, 1.2, 1], [0.9, 1.1, 1.3]) == .same)
        #expect(throws: (any Error).self) {
            try CompareCommand.parse(["--before", "a", "b", "--after", "c", "d", "e"])
        }
        #expect(throws: (any Error).self) { try CompareCommand.parse(["a"]) }
    }

    @Test func `the interval of a difference of means is Welch's`() {
        let (first, second) = (Mean([10, 12, 14]), Mean([20, 20.2, 20.4]))
        // Errors 2/sqrt(3) and 0.2/sqrt(3): 2.04 degrees of freedom.
        #expect(abs(first.halfInterval(ofDifferenceTo: second) - 9.925 * (4.04 / 3).squareRoot()) < 1e-6)
    }
}
