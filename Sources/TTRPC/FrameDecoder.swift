// Splits a byte stream into frames. It is a pull parser: the owner asks for the next event and decides by the header whether it
// wants the body, before a byte of the body is stored. So a rejected body needs no memory, and an owner that has to pause stops
// asking.
//
// Bodies are passed in place, in the buffer of the read. Only a frame that is split between reads is copied, into a buffer that holds
// at most one frame and grows with the bytes that arrived, not with the announced length.

internal import NIOCore
internal import RPC

/// An incremental decoder of frames; reads may split them anywhere.
struct FrameDecoder {
    /// What `next()` found.
    enum Event: Equatable {
        /// More bytes are needed.
        case needsMoreBytes
        /// A frame begins. `skipBody()` now drops its body; otherwise the body is collected.
        case header(FrameHeader)
        /// The body of that frame is complete; `takeBody` passes it to a closure.
        case body(FrameHeader)
        /// The first byte of a frame is not 0, so this is not ttrpc. The decoder cannot continue.
        case notTTRPC
    }

    /// The maximum capacity that is kept between two split frames, in bytes.
    private static let retainedBytes = 4096

    private var incoming = LentBytes()
    private var partial: [UInt8] = []
    private var pending: FrameHeader?
    private var bytesToSkip = 0
    private var headerCount: UInt64 = 0

    /// Appends the bytes of one read.
    mutating func append(_ bytes: ByteBuffer) {
        if incoming.isEmpty {
            incoming = LentBytes(bytes)
        } else {
            incoming.append(bytes)
        }
    }

    /// The incomplete frame. Valid when `next()` needs more bytes.
    var unfinished: UnfinishedMessage? {
        if pending != nil || bytesToSkip > 0 {
            return UnfinishedMessage(number: headerCount, hasHeader: true)
        }
        guard !partial.isEmpty else { return nil }
        return UnfinishedMessage(number: headerCount &+ 1, hasHeader: false)
    }

    /// The next event; called until it needs more bytes or reports that this is not ttrpc.
    mutating func next() -> Event {
        if let pending { return hasBody() ? .body(pending) : collect() }
        guard skip(), !incoming.isEmpty else { return collect() }
        guard let header = readHeader() else {
            guard partial.first ?? 0 == 0 else { return .notTTRPC }
            return collect()
        }
        // The first byte is the most significant byte of the length.
        guard header.length >> 24 == 0 else { return .notTTRPC }
        pending = header
        headerCount &+= 1
        return .header(header)
    }

    /// Drops the body of the frame whose header was just reported, as it arrives.
    mutating func skipBody() {
        guard let header = pending else { return }
        pending = nil
        bytesToSkip = Int(header.length)
    }

    /// Passes the body that was just reported to the closure, and continues with the next frame.
    @inline(__always)
    mutating func takeBody<Result, Failure: Error>(
        _ use: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let length = bodyLength
        pending = nil
        guard partial.isEmpty else {
            defer { partial.removeAll(keepingCapacity: partial.capacity <= Self.retainedBytes) }
            return try partial.withUnsafeBufferPointer { bytes throws(Failure) in
                try use(UnsafeRawBufferPointer(bytes))
            }
        }
        return try incoming.take(min(length, incoming.count), use)
    }

    private var bodyLength: Int { pending.map { Int($0.length) } ?? 0 }

    /// Whether the whole body of the reported frame is in one of the two buffers; joins the parts of a split body.
    mutating func hasBody() -> Bool {
        let length = bodyLength
        if partial.isEmpty, incoming.count >= length { return true }
        return fillPartial(to: length)
    }

    /// Skips the rest of a body; returns whether all of it was skipped.
    private mutating func skip() -> Bool {
        let count = min(bytesToSkip, incoming.count)
        incoming.take(count) { _ in }
        bytesToSkip -= count
        return bytesToSkip == 0
    }

    private mutating func readHeader() -> FrameHeader? {
        if partial.isEmpty, incoming.count >= FrameHeader.byteCount {
            return incoming.take(FrameHeader.byteCount) { FrameHeader($0) }
        }
        guard fillPartial(to: FrameHeader.byteCount) else { return nil }
        defer { partial.removeAll(keepingCapacity: true) }
        return partial.withUnsafeBytes { FrameHeader($0) }
    }

    /// Appends bytes to those of the split frame until there are `count`; returns whether there are.
    private mutating func fillPartial(to count: Int) -> Bool {
        incoming.take(min(count - partial.count, incoming.count)) { partial.append(contentsOf: $0) }
        return partial.count == count
    }

    /// Releases the buffer of the last read, so that the channel can reuse its memory.
    private mutating func collect() -> Event {
        incoming = LentBytes()
        return .needsMoreBytes
    }
}

/// The rest of a read, in place. A ByteBuffer looks up its memory at each access, which was a twentieth of a small call; here that is
/// done once. Another owner of the buffer copies it before a change, since the storage is retained here too. The bytes are passed to
/// closures only.
private struct LentBytes {
    private var storage: AnyObject?
    private var rest = UnsafeRawBufferPointer(start: nil, count: 0)

    init() {}

    init(_ bytes: ByteBuffer) {
        (rest, storage) = bytes.withUnsafeReadableBytesWithStorageManagement { memory, storage in
            (memory, storage.takeUnretainedValue())
        }
    }

    var count: Int { rest.count }
    var isEmpty: Bool { rest.isEmpty }

    /// Passes so many bytes, which must be there, to the closure, and consumes them.
    @inline(__always)
    mutating func take<Result, Failure: Error>(
        _ count: Int, _ use: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let taken = UnsafeRawBufferPointer(rebasing: rest[..<count])
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        // The compiler does not know that the storage owns the memory, and might release it too early.
        defer { withExtendedLifetime(storage) {} }
        return try use(taken)
    }

    /// Appends another read to the rest, in a new buffer.
    mutating func append(_ bytes: ByteBuffer) {
        var both = ByteBuffer()
        both.reserveCapacity(count + bytes.readableBytes)
        take(count) { _ = both.writeBytes($0) }
        both.writeImmutableBuffer(bytes)
        self = LentBytes(both)
    }
}
