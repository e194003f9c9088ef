// Splits a byte stream into frames, after the client's preface. A frame is reported when it is whole, since none is longer than
// 16 KiB; a longer one is reported by its header and not collected.
//
// Whole frames are read in the buffer of the read. Only the rest of a read is copied, so that the channel can reuse its memory.

package import NIOCore

/// An incremental reader of frames; reads may split them anywhere.
package struct HTTP2FrameReader {
    /// What `next()` found.
    package enum Event: Equatable {
        case needsMoreBytes
        /// A whole frame; `payload` has its bytes until `consume`.
        case frame(HTTP2FrameHeader)
        /// The payload is longer than announced. The reader cannot continue.
        case tooLong(HTTP2FrameHeader)
        /// The bytes are not the client's preface. The reader cannot continue.
        case notHTTP2
    }

    private var bytes = ByteBuffer()
    /// Whether the buffer holds the rest of an earlier read, and nobody else uses it.
    private var isCopy = false
    /// Whether the client's preface was read.
    package private(set) var hasPreface = false
    /// The number of frames that were reported.
    package private(set) var frameCount: UInt64 = 0

    package init() {}

    /// Appends the bytes of one read.
    package mutating func append(_ read: ByteBuffer) {
        if bytes.readableBytes == 0 {
            bytes = read
            isCopy = false
        } else {
            var read = read
            bytes.writeBuffer(&read)
        }
    }

    /// Whether a frame or the preface has begun and is not complete. Valid when `next()` needs more bytes.
    package var isInsideFrame: Bool { bytes.readableBytes > 0 }

    /// Whether the header of that frame is complete.
    package var hasFrameHeader: Bool { hasPreface && bytes.readableBytes >= HTTP2FrameHeader.byteCount }

    /// The buffer whose readable bytes begin with the reported frame. Reading it in place copies nothing.
    package var buffer: ByteBuffer { bytes }

    /// The next event; called until it needs more bytes or cannot continue.
    package mutating func next() -> Event {
        if !hasPreface {
            switch readPreface() {
            case true?: hasPreface = true
            case false?: return .notHTTP2
            case nil: return collect()
            }
        }
        guard bytes.readableBytes >= HTTP2FrameHeader.byteCount else { return collect() }
        let header = bytes.withUnsafeReadableBytes { HTTP2FrameHeader($0) }
        guard header.length <= HTTP2Limits.maximumFrameBytes else { return .tooLong(header) }
        guard bytes.readableBytes >= HTTP2FrameHeader.byteCount + header.length else { return collect() }
        frameCount &+= 1
        return .frame(header)
    }

    /// Drops the reported frame.
    package mutating func consume(_ header: HTTP2FrameHeader) {
        bytes.moveReaderIndex(forwardBy: min(HTTP2FrameHeader.byteCount + header.length, bytes.readableBytes))
    }

    /// Whether the buffer begins with the preface; nil while bytes of it are missing.
    private mutating func readPreface() -> Bool? {
        let preface = HTTP2Limits.clientPreface
        let count = min(preface.count, bytes.readableBytes)
        let isEqual = bytes.withUnsafeReadableBytes { $0.prefix(count).elementsEqual(preface.prefix(count)) }
        guard isEqual else { return false }
        guard count == preface.count else { return nil }
        bytes.moveReaderIndex(forwardBy: count)
        return true
    }

    /// Keeps the rest of a read in a buffer of its own.
    private mutating func collect() -> Event {
        if bytes.readableBytes == 0 {
            bytes = ByteBuffer()
            isCopy = false
        } else if isCopy {
            bytes.discardReadBytes()
        } else {
            var rest = ByteBuffer()
            rest.writeImmutableBuffer(bytes)
            bytes = rest
            isCopy = true
        }
        return .needsMoreBytes
    }
}
