import Logging
import Synchronization
import Testing

@testable import Monitoring

@Suite struct DiskSpaceTests {
    @Test func `the file system of a directory has a size, and one that is not there has none`() throws {
        let space = try #require(DiskSpace(of: "/"))
        #expect(space.sizeBytes > 0 && space.freeBytes <= space.sizeBytes)
        #expect(DiskSpace(of: "/no/such/directory") == nil)
    }

    @Test func `space is short below a tenth, and below 2 GiB of a disk that has more than 4`() {
        let gigabyte: UInt64 = 1 << 30
        func isShort(_ free: UInt64, of size: UInt64) -> Bool {
            DiskSpace(freeBytes: free, sizeBytes: size).isShort
        }
        #expect(isShort(9 * gigabyte, of: 100 * gigabyte))
        #expect(!isShort(11 * gigabyte, of: 100 * gigabyte))
        #expect(isShort(gigabyte, of: 5 * gigabyte))
        #expect(!isShort(gigabyte, of: 3 * gigabyte))
    }

    @Test func `a short disk is warned of, again and again, and another one is not`() async throws {
        let lines = Mutex<[String]>([])
        let logger = Logger(label: "test") { _ in Recorder { line in lines.withLock { $0.append(line) } } }
        let looks = Mutex(0)
        // The third look finds room, and the fourth ends it.
        let watch = Task {
            await DiskSpace.warnPeriodically(of: "/data", logger: logger, every: .milliseconds(1)) { _ in
                let look = looks.withLock { number -> Int in
                    number += 1
                    return number
                }
                return DiskSpace(freeBytes: look < 3 ? 1 : 99, sizeBytes: 100)
            }
        }
        while looks.withLock(\.self) < 4 { await Task.yield() }
        watch.cancel()
        await watch.value
        #expect(lines.withLock(\.count) == 2)
        #expect(lines.withLock { $0.allSatisfy { $0.contains("nearly full") && $0.contains("free_bytes") } })
    }

    private struct Recorder: LogHandler {
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        let record: @Sendable (String) -> Void

        init(_ record: @escaping @Sendable (String) -> Void) { self.record = record }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            record("\(event.level) \(event.message) \(event.metadata ?? [:])")
        }
    }
}
