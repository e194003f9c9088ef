// The open streams of a connection, each in a slot. A slot keeps its number while its stream is open, so that a layer above can keep
// what it knows of the stream under the same number. There are at most as many slots as streams were announced, and a search through
// their ids is cheaper than hashing.

internal import NIOCore

/// One open stream.
struct HTTP2Stream {
    let id: UInt32
    /// Whether the client has sent its END_STREAM.
    var isRequestEnded: Bool
    var sendWindow: SendWindow
    var receiveWindow = ReceiveWindow(size: HTTP2Limits.streamWindow)
    /// The bytes of the body that are announced and not received; nil if none were announced.
    var missingBody: Int?
    /// What waits for windows; nil if nothing does.
    var outbox: Outbox?
}

/// Response bytes that wait for windows.
final class Outbox {
    /// What follows the bytes.
    enum End {
        /// More of the response.
        case open
        /// The end of the stream.
        case endOfData
        /// This header block, with the end of the stream.
        case trailers([UInt8])
    }

    var bytes = ByteBuffer()
    var end = End.open
    /// When the peer last made room for enough bytes, and what it has made room for since.
    var progress: NIODeadline
    var sentSinceProgress = 0

    init(now: NIODeadline) { progress = now }
}

/// How a stream has ended, which decides what later frames on it are.
enum ClosedStream {
    /// Both sides have ended it.
    case ended
    case resetByPeer
    /// Frames that were in transit are ignored.
    case resetHere
}

/// The open streams, and the latest of those that were closed.
struct StreamTable {
    private static let rememberedStreams = 128

    /// By slot; 0 where the slot is free.
    private var ids: [UInt32] = []
    private var streams: [HTTP2Stream?] = []
    private var closed: [(id: UInt32, how: ClosedStream)] = []
    private var nextClosed = 0
    private(set) var count = 0

    /// The slot of an open stream.
    @inline(__always)
    func slot(of id: UInt32) -> Int? {
        guard id != 0 else { return nil }
        for slot in 0..<ids.count where ids[slot] == id { return slot }
        return nil
    }

    /// The slots that may hold a stream.
    var slots: Range<Int> { 0..<ids.count }

    func id(at slot: Int) -> UInt32 { ids.indices.contains(slot) ? ids[slot] : 0 }

    /// The stream in a slot; nil if the slot is free.
    subscript(slot: Int) -> HTTP2Stream? {
        @inline(__always) _read { yield streams[slot] }
        @inline(__always) _modify { yield &streams[slot] }
    }

    /// Opens a stream; returns its slot.
    mutating func open(_ stream: HTTP2Stream) -> Int {
        count += 1
        for slot in 0..<ids.count where ids[slot] == 0 {
            ids[slot] = stream.id
            streams[slot] = stream
            return slot
        }
        ids.append(stream.id)
        streams.append(stream)
        return ids.count - 1
    }

    /// Closes the stream in a slot.
    mutating func close(_ slot: Int, _ how: ClosedStream) {
        let id = ids[slot]
        guard id != 0 else { return }
        ids[slot] = 0
        streams[slot] = nil
        count -= 1
        remember(id, how)
    }

    /// Remembers how a stream ended, in place of the oldest one.
    mutating func remember(_ id: UInt32, _ how: ClosedStream) {
        if closed.count < Self.rememberedStreams {
            closed.append((id, how))
        } else {
            closed[nextClosed] = (id, how)
            nextClosed = (nextClosed + 1) % Self.rememberedStreams
        }
    }

    /// How a stream ended, if it is one of the latest.
    func howClosed(_ id: UInt32) -> ClosedStream? { closed.last { $0.id == id }?.how }
}
