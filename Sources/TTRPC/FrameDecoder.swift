// Cuts a byte stream into frames. It is a pull parser: the owner asks for the next event and decides from a
// header whether its body is wanted, before a byte of that body is kept. So a refused body costs no memory, and
// an owner that must stop (its peer does not read) just stops asking.
//
// Bodies are lent in place, in the buffer that came from the socket. Only a frame that is split between reads is copied,
// into a buffer that never holds more than one frame and grows with what arrived, not with what was announced.

internal import NIOCore
internal import RPC

/// An incremental decoder of frames, for any split of the bytes.
struct FrameDecoder {
    /// What `next()` found.
    enum Event: Equatable {
        /// Nothing more can be said until more bytes come.
        case needsMoreBytes
        /// A frame begins. `skipBody()` now drops its body; otherwise the body is collected.
        case header(FrameHeader)
        /// The body of that frame is complete: `takeBody` lends it and goes on.
        case body(FrameHeader)
        /// The first byte of a frame is not 0, so this is not ttrpc. Nothing after it can be understood.
        case notTTRPC
    }

    /// The most that stays allocated between two cut frames.
    private static let retainedBytes = 4096

    private var incoming = LentBytes()
    private var partial: [UInt8] = []
    private var pending: FrameHeader?
    private var bytesToSkip = 0
    private var headerCount: UInt64 = 0

    /// Gives the decoder the bytes of one read.
    mutating func append(_ bytes: ByteBuffer) {
        if incoming.isEmpty {
            incoming = LentBytes(bytes)
        } else {
            incoming.append(bytes)
        }
    }

    /// The frame that waits for more bytes. To be asked when `next()` needs them.
    var unfinished: UnfinishedMessage? {
        if pending != nil || bytesToSkip > 0 {
            return UnfinishedMessage(number: headerCount, hasHeader: true)
        }
        guard !partial.isEmpty else { return nil }
        return UnfinishedMessage(number: headerCount &+ 1, hasHeader: false)
    }

    /// The next event; to be called until it needs more bytes or reports something that is not ttrpc.
    mutating func next() -> Event {
        if let pending { return hasBody() ? .body(pending) : collect() }
        guard skip(), !incoming.isEmpty else { return collect() }
        guard let header = readHeader() else {
            guard partial.first ?? 0 == 0 else { return .notTTRPC }
            return collect()
        }
        // The first byte is the highest of the length.
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

    /// Lends the body that was just reported, and goes on to the next frame.
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

    /// Whether the body of the frame whose header was reported is here; moves bytes together if it is cut.
    mutating func hasBody() -> Bool {
        let length = bodyLength
        if partial.isEmpty, incoming.count >= length { return true }
        return fillPartial(to: length)
    }

    /// Skips what is to be skipped; whether that is all of it.
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

    /// Moves bytes behind those that were cut off, until `count` are there; whether they are.
    private mutating func fillPartial(to count: Int) -> Bool {
        incoming.take(min(count - partial.count, incoming.count)) { partial.append(contentsOf: $0) }
        return partial.count == count
    }

    /// Lets go of the buffer of the last read, so that the channel can use its memory again.
    private mutating func collect() -> Event {
        incoming = LentBytes()
        return .needsMoreBytes
    }
}

/// What is left of a read, in place. A ByteBuffer looks its memory up at each access, which was a twentieth of a small
/// call; here that is done once. Another owner of the buffer copies it before a change, since its storage is retained here
/// too. The bytes are lent to a closure only.
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

    /// Lends that many bytes, which must be there, and goes on behind them.
    @inline(__always)
    mutating func take<Result, Failure: Error>(
        _ count: Int, _ use: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let taken = UnsafeRawBufferPointer(rebasing: rest[..<count])
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        // The compiler does not know that the storage owns the memory, and might release it before it is used.
        defer { withExtendedLifetime(storage) {} }
        return try use(taken)
    }

    /// Puts another read behind what is left, in a buffer for both.
    mutating func append(_ bytes: ByteBuffer) {
        var both = ByteBuffer()
        both.reserveCapacity(count + bytes.readableBytes)
        take(count) { _ = both.writeBytes($0) }
        both.writeImmutableBuffer(bytes)
        self = LentBytes(both)
    }
}
