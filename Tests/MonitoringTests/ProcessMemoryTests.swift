// Freed memory is returned to the system. The test runs in a process of its own because other tests use memory too.

import Glibc
import TestWaiting
import Testing

@testable import Monitoring

struct ProcessMemoryTests {
    @Test func `freed memory between blocks in use is returned`() async {
        await #expect(processExitsWith: .success) {
            let trimming = Task { await ProcessMemory.trimPeriodically(every: .milliseconds(20)) }
            // The trimming task must have read the minimum before memory use grows.
            try await Task.sleep(for: .milliseconds(500))
            let before = try #require(ProcessMemory()).privateBytes
            let blocks = (0..<16_384).map { _ in
                let block = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 16)
                memset(block, 1, 4096)
                return UInt(bitPattern: block)
            }
            #expect(try #require(ProcessMemory()).privateBytes > before + 48 << 20)
            // The last block stays allocated; otherwise malloc would return the memory by itself.
            for block in blocks.dropLast() { UnsafeMutableRawPointer(bitPattern: block)?.deallocate() }
            try await eventually("the memory returned", within: .seconds(20)) {
                try #require(ProcessMemory()).privateBytes <= before + 16 << 20
            }
            trimming.cancel()
            await trimming.value
        }
    }
}
