// What a crowd has left behind goes back to the system. In a process of its own: in that of the tests all the others use
// memory, too.

import Glibc
import TestWaiting
import Testing

@testable import Monitoring

struct ProcessMemoryTests {
    @Test func `what is freed between what is kept is given back`() async {
        await #expect(processExitsWith: .success) {
            let givingBack = Task { await ProcessMemory.giveBackFreed(every: .milliseconds(20)) }
            // It has to have seen how little there was.
            try await Task.sleep(for: .milliseconds(500))
            let before = try #require(ProcessMemory()).own
            let blocks = (0..<16_384).map { _ in
                let block = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 16)
                memset(block, 1, 4096)
                return UInt(bitPattern: block)
            }
            #expect(try #require(ProcessMemory()).own > before + 48 << 20)
            // Without the last: behind it, it would go back by itself.
            for block in blocks.dropLast() { UnsafeMutableRawPointer(bitPattern: block)?.deallocate() }
            try await eventually("the memory given back", within: .seconds(20)) {
                try #require(ProcessMemory()).own <= before + 16 << 20
            }
            givingBack.cancel()
            await givingBack.value
        }
    }
}
