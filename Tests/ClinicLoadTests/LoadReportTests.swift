// The contents of each report format, also with hostile names.

import ArgumentParser
import Foundation
import FoundationXML
import Histogram
import Testing

@testable import clinic_load

struct LoadReportTests {
    @Test func `the page has its verdict on top and the figures of every step`() {
        var sample = Sample().report
        #expect(
            sample.html.contains(
                "<b>Passed</b>: 1 of 1 bounds hold, 1 of 1 checks passed, the generator kept up"))
        sample.generator.saturated = "too slow"
        #expect(sample.html.contains("<b>Inconclusive: the generator was the limit</b>"))
        sample.assertions[0].passed = false
        #expect(sample.html.contains("<b>Failed</b>: 0 of 1 bounds hold"))
        sample.steps.append(sample.steps[0])
        #expect(sample.html.matches(of: /<div class="tiles">/).count == 2)
    }

    @Test func `a percentile that few calls stand behind is marked`() {
        let latency = Sample.latency(count: 999, median: 1_000)
        #expect(latency.markedColumns.map { $0.hasSuffix(" *") } == [false, false, true, true, false])
        #expect(Sample(seconds: 5, throughput: 0.1).report.html.contains(Latency.markMeaning))
    }

    @Test func `the JSON of a percentile names its unit`() throws {
        let percentile = Latency.Percentile(percentile: 99.9, microseconds: 1_250)
        let text = String(decoding: try JSONEncoder().encode(percentile), as: UTF8.self)
        #expect(text.contains("\"microseconds\":1250"))
    }

    @Test func `the report of an open loop distinguishes response and service time`() throws {
        let text = Sample(errorShare: 0.01).report.text
        let lines = text.split(separator: "\n").map(String.init)
        let title = try #require(
            lines.firstIndex { $0.hasPrefix("open loop, 2,000/s, Poisson arrivals, for 30.0 s") })
        #expect(lines[title + 2] == "Response time, from its scheduled start")
        let columns = lines[title + 3].split(separator: " ").map(String.init)
        #expect(
            columns == ["OPERATION", "STATUS", "COUNT", "SHARE", "RATE", "P50", "P90", "P99", "P99.9", "MAX"])
        #expect(lines[title + 4].hasPrefix("BookingService/BookAppointment  OK  "))
        #expect(lines.contains { $0.contains("UNAVAILABLE (error)") && $0.contains("0.332 %") })
        #expect(lines.contains { $0.hasPrefix("all ") })
        #expect(lines.contains("Service time, from when it was sent"))
        #expect(lines.contains("The generator was not the bottleneck."))
        #expect(lines.contains { $0.hasPrefix("passed  no double booking") })
        #expect(lines.contains("passed  p99<50ms  was 11.5 ms"))
        #expect(
            lines.contains { $0.hasPrefix("Batch of writes") && $0.hasSuffix("6.50 statements on average") })
        #expect(!text.contains("coordinated omission"))
        #expect(lines.filter { $0.count > 150 }.isEmpty)
    }

    @Test func `the report of a closed loop warns about coordinated omission`() {
        var report = Sample(load: .closed(concurrency: 64), operationNames: ["DoctorService/ListDoctors"])
            .report
        report.server = nil
        report.generator.saturated = "its threads were busy all the time"
        let lines = report.text.split(separator: "\n").map(String.init)
        #expect(lines.contains("closed loop, 64 in flight, for 30.0 s"))
        #expect(lines.count { $0.contains("coordinated omission") } == 1)
        #expect(!lines.contains { $0.hasPrefix("Response time") })
        #expect(!lines.contains { $0.hasPrefix("all ") })
        #expect(!lines.contains { $0 == "Server" })
        #expect(lines.contains("The generator was the bottleneck: its threads were busy all the time"))
        #expect(report.html.contains("coordinated omission"))
    }

    @Test func `a report survives writing and reading`() throws {
        let folder = try TemporaryFolder()
        let report = Sample(errorShare: 0.01).report
        let path = folder.path + "/report.json"
        var outputs = try ReportOutputs.parse(["--json", path, "--csv", folder.path + "/report.csv"])
        try outputs.write(report)
        #expect(try LoadReport.read(path).json() == report.json())
        #expect(try String(contentsOfFile: folder.path + "/report.csv", encoding: .utf8) == report.csv)

        outputs.json = folder.path + "/missing/report.json"
        outputs.csv = nil
        outputs.html = folder.path + "/report.html"
        let early = #expect(throws: ReportFileError.self) { try outputs.check() }
        #expect(early?.description.hasPrefix("cannot write \(folder.path)/missing/report.json: ") == true)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/report.html"))
        let error = #expect(throws: ReportFileError.self) { try outputs.write(report) }
        #expect(
            error?.description.hasPrefix("cannot write \(folder.path)/missing/report.json: there is no such")
                == true)
        #expect(try String(contentsOfFile: folder.path + "/report.html", encoding: .utf8) == report.html)
    }

    @Test(
        arguments: [
            ("{", "is not a report of clinic-load"), ("[]", "is not a report of clinic-load"),
            (
                #"{"format": 3}"#,
                "has the format 3, and this program reads 2: read it with a newer clinic-load"
            ),
            (#"{"format": 0}"#, "run the load again"),
            (#"{"format": 2}"#, "is a damaged report: 'run' is missing"),
        ])
    func `a file that is not a report of this format is rejected`(text: String, reason: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/report.json"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let error = #expect(throws: ReportFileError.self) { try LoadReport.read(path) }
        #expect(error?.description.contains(reason) == true)
        #expect(error?.description.contains(path) == true)
    }

    @Test func `the error for a missing file names it`() {
        let error = #expect(throws: ReportFileError.self) { try LoadReport.read("/nowhere/a.json") }
        #expect(error?.description == "cannot read /nowhere/a.json: there is no such file or folder")
    }

    @Test func `the CSV has one row per status, quoted if necessary`() {
        var sample = Sample(errorShare: 0.01)
        sample.operationNames = ["a,b\"c\nd", "plain"]
        let csv = sample.report.csv
        let lines = csv.components(separatedBy: "\r\n")
        #expect(lines.count == 1 + 2 * 3 + 1)
        #expect(lines.allSatisfy { $0.isEmpty || !$0.hasSuffix("\r") })
        #expect(
            lines[0].hasPrefix(
                "step,load,seconds,operation,status,expected,count,share,per_second,min_us,mean_us,"))
        #expect(
            lines[1].hasPrefix("1,\"open loop, 2,000/s, Poisson arrivals\",30,\"a,b\"\"c\nd\",OK,true,19182,")
        )
        #expect(lines[6].contains(",plain,UNAVAILABLE,false,199,"))
        #expect(lines[4].split(separator: ",").count == lines[0].split(separator: ",").count + 3)
    }

    @Test(arguments: [
        "<script>alert(1)</script>", "\"' onload='x", "&amp;&#0;", "]]>", "<!--", "\u{0}\u{1B}[2J\u{202E}",
        "\u{FFFE}\u{FFFF}",
        "眼科 Ne\u{301}phro 🏥",
    ])
    func `the HTML page is well-formed with any names`(name: String) throws {
        var sample = Sample(errorShare: 0.01)
        sample.workload = name
        sample.operationNames = [name, name + "2"]
        var report = sample.report
        report.run.address = name
        report.run.arguments = [name]
        report.checks = [CheckResult(name: name, passed: false, detail: name)]
        report.assertions = [AssertionResult(text: name, passed: false, actual: name)]
        report.generator.saturated = name
        report.server?.refused = [name: 3]
        report.timeline[7].statuses[name] = 20
        let html = report.html
        let page = try PageParser(html)
        #expect(page.elements.isDisjoint(with: ["script", "link", "img", "iframe", "object"]))
        #expect(page.attributes.allSatisfy { !$0.hasPrefix("on") && $0 != "href" && $0 != "src" })
        #expect(page.figures == 6)
        #expect(!html.contains("\u{1B}"))
        #expect(!report.text.contains("\u{1B}"))
    }

    @Test func `the HTML page of an empty report is well-formed`() throws {
        var report = Sample().report
        report.timeline = []
        report.steps = []
        #expect(try PageParser(report.html).figures == 0)
        report = Sample(throughput: 0).report
        report.timeline = report.timeline.prefix(1).map { point in
            var point = point
            point.statuses = [:]
            return point
        }
        _ = try PageParser(report.html)
        #expect(!report.html.contains("nan") && !report.html.contains("inf,"))
    }

    @Test func `the number of plots is even`() {
        var single = Sample()
        single.operationNames = ["Health/Check"]
        #expect(single.report.plots.count == 4 && Sample().report.plots.count == 6)
    }

    @Test func `the report of a search shows its trials and its result`() {
        var report = Sample().report
        func trial(_ rate: Double, _ saturated: String? = nil, passed: Bool = false) -> TrialReport {
            TrialReport(
                rate: rate, passed: passed, throughput: rate, response: report.steps[0].total.response,
                objectives: [AssertionResult(text: "p99<50ms", passed: passed, actual: "48 ms")],
                saturated: saturated)
        }
        report.search = SearchReport(
            maximumRate: 1000, trials: [trial(1000, passed: true), trial(2000), trial(4000, "busy")])
        for text in [report.text, report.html.replacing("&lt;", with: "<")] {
            #expect(text.contains("The greatest rate at which --slo held is 1,000/s"))
            #expect(text.contains("p99<50ms: 48 ms"))
            for verdict in ["holds", "fails", "the generator is the limit"] {
                #expect(text.contains(verdict))
            }
        }
        report.search?.inconclusiveRate = 4000
        #expect(report.text.contains("Inconclusive: --slo held at 1,000/s, and at 4,000/s the generator was"))
        report.search?.inconclusiveRate = nil
        report.search?.maximumRate = nil
        #expect(report.text.contains("There was no rate"))
    }

    @Test func `the generator counts as the bottleneck if busy or late, not if the server is slow`() {
        func saturated(busy share: Double, lateMicroseconds: UInt64) -> String? {
            var record = RunRecord(operations: [], steps: [])
            record.loopShare = share
            record.overflowed = 1000
            for _ in 0..<100 { record.lateness.record(lateMicroseconds) }
            return LoadRun(
                plan: LoadPlan(load: .closed(concurrency: 1, seconds: 1)), record: record, timeline: [],
                processorShare: share
            ).saturated
        }
        #expect(saturated(busy: 0.5, lateMicroseconds: 100) == nil)
        #expect(saturated(busy: 0.95, lateMicroseconds: 100)?.contains("--threads") == true)
        #expect(saturated(busy: 0.5, lateMicroseconds: 20_000)?.contains("overloaded") == true)
    }

    @Test func `the plots of a long run stay small`() throws {
        var sample = Sample(errorShare: 0.01)
        sample.seconds = 86_400
        #expect(sample.report.html.utf8.count < 400_000)
    }

    @Test func `a plot tells the values under the pointer`() {
        let html = Sample(seconds: 5).report.html
        #expect(!html.matches(of: /<rect class="value"[^>]*><title>p90\nresponse time: [0-9.]+ ms/).isEmpty)
        #expect(
            html.matches(of: /<title>[0-9.]+ s\nmost within a second: 64\nat its end: 64<\/title>/).count >= 5
        )
    }

    @Test func `every operation has a line of its own`() {
        var sample = Sample()
        sample.operationNames = (1...20).map { "Operation \($0)" }
        let html = sample.report.html
        let lines = Set(html.matches(of: /polyline class="line (k[0-9] d[0-9])"/).map { String($0.output.1) })
        #expect(lines.count == 20)
    }

    @Test func `the percentile axis gives each nine equal space`() {
        let axis = Axis.percentile(upTo: 99.99)
        #expect(axis.ticks.map(\.label) == ["0", "50", "90", "99", "99.9", "99.99"])
        #expect(abs(axis.place(90) - 0.25) < 1e-9)
        #expect(abs(axis.place(99.9) - 0.75) < 1e-9)
        #expect(axis.place(100) == 1)
    }
}

/// A temporary folder that is removed after the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "clinic-load-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Collects elements and attributes of a page, parsed as XML.
private final class PageParser: NSObject, XMLParserDelegate {
    private(set) var elements: Set<String> = []
    private(set) var attributes: Set<String> = []
    private(set) var figures = 0

    init(_ html: String) throws {
        super.init()
        let parser = XMLParser(data: Data(html.utf8))
        parser.delegate = self
        guard parser.parse() else {
            throw parser.parserError ?? CocoaError(.fileReadCorruptFile)
        }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements.insert(name)
        self.attributes.formUnion(attributes.keys)
        if name == "svg" { figures += 1 }
    }
}
