// Each log entry is exactly one line that a program can parse, whatever it contains.

import Foundation
import Glibc
import Logging
import Testing

@testable import Monitoring

struct LineLogHandlerTests {
    private static let time = timespec(tv_sec: 1_795_392_000, tv_nsec: 1_234_999)

    @Test func `a JSON line has time, level, logger, message and flat fields`() throws {
        let line = line(.json, "it works", ["port": "7411", "kind": .string("unix")])
        #expect(
            line == #"{"time":"2026-11-23T00:00:00.001234Z","level":"notice","logger":"clinicd","#
                + #""message":"it works","kind":"unix","port":"7411"}"# + "\n")
    }

    @Test(arguments: [
        "\"quotes\" and \\", "a\nline\r\n", "\0\u{1}\u{1B}[31m\u{7F}", "é e\u{301} 日本 \u{2028} 🏥", "",
        "\u{FFFD}}{\":,",
    ])
    func `the contents of a JSON line survive parsing`(text: String) throws {
        let line = line(.json, text, ["k": "\(text)", "time": "mine", text.isEmpty ? "x" : text: "v"])
        #expect(line.utf8.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        let fields = try #require(
            JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
        #expect(Array(fields["message"]?.utf8 ?? "?".utf8) == Array(text.utf8))
        #expect(Array(fields["k"]?.utf8 ?? "?".utf8) == Array(text.utf8))
        #expect(fields["time"] == "2026-11-23T00:00:00.001234Z")
        #expect(fields["time_"] == "mine")
    }

    @Test func `a text entry stays one line and quotes values that are not words`() {
        let line = line(
            .text, "hello\n2026 error clinicd: forged", ["a": "b", "c": "d e", "f": "x\ny=\"z\"", "g": ""])
        #expect(
            line == "2026-11-23T00:00:00.001234Z notice clinicd: hello\\n2026 error clinicd: forged"
                + " a=b c=\"d e\" f=\"x\\ny=\\\"z\\\"\" g=\"\"\n")
    }

    @Test func `a line contains the fields of the logger, the event and its error`() {
        var handler = LineLogHandler(label: "clinicd", format: .text)
        handler[metadataKey: "a"] = "logger"
        handler[metadataKey: "b"] = "logger"
        var event = Self.event("m", ["b": "event"])
        event.error = CancellationError()
        let line = String(decoding: handler.line(of: event, at: Self.time), as: UTF8.self)
        #expect(line.hasSuffix("m a=logger b=event error=CancellationError()\n"))
    }

    private func line(_ format: LogFormat, _ message: String, _ metadata: Logger.Metadata) -> String {
        let handler = LineLogHandler(label: "clinicd", format: format)
        return String(
            decoding: handler.line(of: Self.event(message, metadata), at: Self.time), as: UTF8.self)
    }

    private static func event(_ message: String, _ metadata: Logger.Metadata) -> LogEvent {
        LogEvent(
            level: .notice, message: "\(message)", metadata: metadata, source: nil, file: "f", function: "f",
            line: 1)
    }
}
