// The queue of log lines, before a pipe that is read when the test says so.

import Glibc
import TestWaiting
import Testing

@testable import Monitoring

struct LogWriterTests {
    /// A pipe and a writer to it.
    private struct Scene: ~Copyable {
        let reading: CInt
        private let writing: CInt
        let writer: LogWriter

        init() throws {
            var ends: [CInt] = [-1, -1]
            try #require(pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
            writer = LogWriter(descriptor: writing)
        }

        func write(_ number: Int) {
            // A line of 100 bytes.
            let text = "\(number)"
            let padding = String(repeating: ".", count: 99 - text.utf8.count)
            writer.write(Array((text + padding + "\n").utf8)) { Array("dropped \($0)\n".utf8) }
        }

        /// Reads lines until the last one is this.
        func lines(until last: String) -> [Substring] {
            var text: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while !text.suffix(last.utf8.count + 1).elementsEqual(last.utf8 + [UInt8(ascii: "\n")]) {
                let count = read(reading, &buffer, buffer.count)
                guard count > 0 else { break }
                text += buffer[..<count]
            }
            return String(decoding: text, as: UTF8.self).split(separator: "\n")
        }

        deinit {
            close(reading)
            close(writing)
        }
    }

    @Test func `lines come in their order, and a flush waits for all of them`() throws {
        let scene = try Scene()
        #expect(scene.writer.flush(within: .seconds(60)))
        for number in 0..<100 { scene.write(number) }
        #expect(scene.writer.flush(within: .seconds(60)))
        let last = "99" + String(repeating: ".", count: 97)
        let numbers = scene.lines(until: last).map { $0.prefix { $0 != "." } }
        #expect(numbers == (0..<100).map { Substring("\($0)") })
        #expect(scene.writer.droppedLineCount == 0)
    }

    @Test func `what does not fit is dropped and told of where it is missing`() throws {
        let scene = try Scene()
        let count = 20_000
        for number in 0..<count { scene.write(number) }
        #expect(!scene.writer.flush(within: .milliseconds(1)))
        let dropped = scene.writer.droppedLineCount
        #expect(dropped > 0)
        let lines = scene.lines(until: "dropped \(dropped)")
        #expect(lines.count == count - dropped + 1)
        #expect(scene.writer.flush(within: .seconds(60)))

        scene.write(count)
        #expect(scene.lines(until: "\(count)" + String(repeating: ".", count: 94)).count == 1)
        #expect(scene.writer.droppedLineCount == dropped)
    }
}
