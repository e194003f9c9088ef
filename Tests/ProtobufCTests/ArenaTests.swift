// The arena never exceeds its limit.

import Testing

@testable import ProtobufC

@Test func `an arena never allocates more than its limit`() {
    for limit in [0, 8, 1000, 16_384, 16_385, 100_000, 3_000_000] {
        for size in [1, 7, 100, 5000, 70_000] {
            let allocated = Arena.withArena(limit: limit) { arena in
                var allocated = 0
                while arena.pointee.allocate(byteCount: size) != nil { allocated += size }
                #expect(arena.pointee.isExhausted)
                return allocated
            }
            #expect(allocated <= limit)
        }
    }
}

@Test func `an arena allocates nearly all of its limit`() {
    Arena.withArena(limit: 8 << 20) { arena in
        #expect(arena.pointee.allocate(byteCount: 7 << 20) != nil)
        #expect(!arena.pointee.isExhausted)
        #expect(arena.pointee.allocate(byteCount: 2 << 20) == nil)
        #expect(arena.pointee.isExhausted)
    }
}

@Test func `an impossible size is refused`() {
    Arena.withArena { arena in
        for size in [Int.max, .max - 7, .max - 8, .max - 40, -1, .min] {
            #expect(arena.pointee.allocate(byteCount: size) == nil)
        }
        #expect(arena.pointee.allocate(byteCount: 0) != nil)
    }
}

@Test func `allocations are aligned and do not overlap`() {
    Arena.withArena { arena in
        var evenBlocks: [UnsafeMutableRawPointer] = []
        for size in 1...3000 {
            guard let memory = arena.pointee.allocate(byteCount: size) else {
                Issue.record("no memory of \(size) bytes")
                return
            }
            #expect(Int(bitPattern: memory) % 8 == 0)
            memory.initializeMemory(as: UInt8.self, repeating: UInt8(size % 256), count: size)
            if size % 2 == 0 { evenBlocks.append(memory) }
        }
        for (index, memory) in evenBlocks.enumerated() {
            let size = 2 * (index + 1)
            let bytes = UnsafeRawBufferPointer(start: memory, count: size)
            #expect(bytes.allSatisfy { $0 == UInt8(size % 256) })
        }
    }
}

@Test func `nested arenas have separate memory`() {
    Arena.withArena { outer in
        let first = outer.pointee.allocate(byteCount: 8)
        first?.storeBytes(of: 1, as: Int.self)
        Arena.withArena { inner in inner.pointee.allocate(byteCount: 8)?.storeBytes(of: 2, as: Int.self) }
        #expect(first?.load(as: Int.self) == 1)
    }
}
