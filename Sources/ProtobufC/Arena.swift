// An arena for one decoding or encoding. Its first chunk is on the stack; larger chunks follow when it is full, and all are
// freed together. The byte limit bounds a hostile message, which protobuf-c's default allocator would let grow from 4 MiB
// of empty submessages to 300 MB.

internal import Glibc

/// A bump allocator for one call; single allocations are never freed.
@usableFromInline struct Arena {
    private static let alignment = 8
    /// Every later chunk begins with the address of the previous one and a word of padding.
    private static let headerSize = 16

    private var next: UnsafeMutableRawPointer?
    private var available: Int
    private var lastChunk: UnsafeMutableRawPointer?
    private var nextChunkSize = 8 << 10
    /// How many more bytes may be allocated for chunks.
    private var allowance: Int
    /// Whether an allocation failed because of the limit.
    private(set) var isExhausted = false

    @usableFromInline init(_ firstChunk: UnsafeMutableRawBufferPointer, limit: Int) {
        next = firstChunk.baseAddress
        available = min(firstChunk.count, limit)
        allowance = limit - available
    }

    @usableFromInline mutating func release() {
        while let chunk = lastChunk {
            lastChunk = chunk.load(as: UnsafeMutableRawPointer?.self)
            free(chunk)
        }
    }

    /// Calls the body with an arena of at most `limit` bytes, which is freed when the body returns.
    @inlinable static func withArena<Result, Failure: Error>(
        limit: Int = .max, _ body: (UnsafeMutablePointer<Arena>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Large enough for most messages, and the most that Swift puts on the stack.
        try withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 8) { chunk throws(Failure) in
            var arena = Arena(chunk, limit: limit)
            defer { arena.release() }
            return try withUnsafeMutablePointer(to: &arena, body)
        }
    }

    /// Uninitialised memory aligned for any field; nil beyond the limit.
    mutating func allocate(byteCount: Int) -> UnsafeMutableRawPointer? {
        let (sum, overflow) = byteCount.addingReportingOverflow(Self.alignment - 1)
        let rounded = sum & ~(Self.alignment - 1)
        if overflow || byteCount < 0 || (rounded > available && !grow(for: rounded)) {
            isExhausted = true
            return nil
        }
        defer {
            next = next?.advanced(by: rounded)
            available -= rounded
        }
        return next
    }

    private mutating func grow(for byteCount: Int) -> Bool {
        let (needed, overflow) = byteCount.addingReportingOverflow(Self.headerSize)
        guard !overflow, needed <= allowance else { return false }
        let size = min(max(needed, nextChunkSize), allowance)
        guard let chunk = malloc(size) else { return false }
        chunk.storeBytes(of: lastChunk, as: UnsafeMutableRawPointer?.self)
        lastChunk = chunk
        next = chunk + Self.headerSize
        available = (size - Self.headerSize) & ~(Self.alignment - 1)
        allowance -= size
        nextChunkSize = min(nextChunkSize * 2, 1 << 20)
        return true
    }

    /// The allocation callback of protobuf-c; the arena is the allocator's context.
    static func allocate(_ arena: UnsafeMutableRawPointer?, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        arena?.assumingMemoryBound(to: Arena.self).pointee.allocate(byteCount: byteCount)
    }
}
