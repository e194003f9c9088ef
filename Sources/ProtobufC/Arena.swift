// The memory of one decoding or encoding: taken piece by piece from a chunk that the thread keeps for the next
// call, then from larger ones, and given back all at once. protobuf-c's default allocator would turn 4 MiB of
// empty sub-messages into 300 MB; here the limit is the end.

internal import Glibc

/// Memory for one call, taken from the front of chunks and never given back one by one.
@usableFromInline struct Arena {
    /// Enough for nearly every message of ours, so that a call normally allocates nothing.
    private static let firstChunkSize = 16 * 1024
    private static let alignment = 8
    /// A later chunk begins with the address of the one before it, and a word to keep the alignment.
    private static let headerSize = 16

    private let firstChunk: UnsafeMutableRawPointer
    private var next: UnsafeMutableRawPointer
    private var available: Int
    private var lastChunk: UnsafeMutableRawPointer?
    private var nextChunkSize = 4 * firstChunkSize
    /// How many bytes later chunks may take.
    private var allowance: Int
    /// Whether something was refused for the limit.
    private(set) var isExhausted = false

    @usableFromInline init(limit: Int) {
        guard let chunk = ThreadChunk.take(byteCount: Self.firstChunkSize) else {
            fatalError("out of memory")
        }
        firstChunk = chunk
        next = chunk
        available = min(Self.firstChunkSize, limit)
        allowance = limit - available
    }

    @usableFromInline mutating func release() {
        while let chunk = lastChunk {
            lastChunk = chunk.load(as: UnsafeMutableRawPointer?.self)
            free(chunk)
        }
        ThreadChunk.giveBack(firstChunk)
    }

    /// Calls the body with an arena that gives at most `limit` bytes and is gone when it returns.
    @inlinable static func withArena<Result, Failure: Error>(
        limit: Int = .max, _ body: (UnsafeMutablePointer<Arena>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var arena = Arena(limit: limit)
        defer { arena.release() }
        return try withUnsafeMutablePointer(to: &arena, body)
    }

    /// Memory that is not initialised, aligned for any field; nil beyond the limit.
    mutating func allocate(byteCount: Int) -> UnsafeMutableRawPointer? {
        let (sum, overflow) = byteCount.addingReportingOverflow(Self.alignment - 1)
        let rounded = sum & ~(Self.alignment - 1)
        if overflow || byteCount < 0 || (rounded > available && !grow(for: rounded)) {
            isExhausted = true
            return nil
        }
        defer {
            next += rounded
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

    /// What protobuf-c calls: the arena is its allocator's data.
    static func allocate(_ arena: UnsafeMutableRawPointer?, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        arena?.assumingMemoryBound(to: Arena.self).pointee.allocate(byteCount: byteCount)
    }
}

/// The first chunk that each thread keeps. A call inside a call finds none there and makes its own.
private enum ThreadChunk {
    /// Nil if the process has no key left: then every call allocates.
    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        return pthread_key_create(&key) { free($0) } == 0 ? key : nil
    }()

    static func take(byteCount: Int) -> UnsafeMutableRawPointer? {
        guard let key, let chunk = pthread_getspecific(key) else { return malloc(byteCount) }
        pthread_setspecific(key, nil)
        return chunk
    }

    static func giveBack(_ chunk: UnsafeMutableRawPointer) {
        guard let key, pthread_getspecific(key) == nil, pthread_setspecific(key, chunk) == 0 else {
            return free(chunk)
        }
    }
}
