// The nine bytes before each frame's payload.

package import NIOCore

/// The header of one frame.
package struct HTTP2FrameHeader: Equatable, Sendable {
    /// The length of a frame header in bytes.
    package static let byteCount = 9

    /// The length of the payload in bytes.
    package var length: Int
    /// The raw type, which may be unknown.
    package var type: UInt8
    package var flags: HTTP2Flags
    /// The stream, without its reserved bit; 0 for the connection.
    package var streamID: UInt32

    package init(
        length: Int, type: HTTP2FrameType, flags: HTTP2Flags = [], streamID: UInt32
    ) {
        self.length = length
        self.type = type.rawValue
        self.flags = flags
        self.streamID = streamID
    }

    /// Reads a header from memory that is long enough.
    init(_ bytes: UnsafeRawBufferPointer) {
        length = Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2])
        type = bytes[3]
        flags = HTTP2Flags(rawValue: bytes[4])
        streamID = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 5, as: UInt32.self)) & 0x7FFF_FFFF
    }

    /// Writes the header to the start of memory that is long enough.
    @inline(__always)
    package func store(into memory: UnsafeMutableRawBufferPointer) {
        memory[0] = UInt8(truncatingIfNeeded: length >> 16)
        memory[1] = UInt8(truncatingIfNeeded: length >> 8)
        memory[2] = UInt8(truncatingIfNeeded: length)
        memory[3] = type
        memory[4] = flags.rawValue
        memory.storeBytes(of: streamID.bigEndian, toByteOffset: 5, as: UInt32.self)
    }
}

extension ByteBuffer {
    /// Appends a frame with this payload, which is at most `HTTP2Limits.maximumFrameBytes` long.
    package mutating func writeFrame(
        _ type: HTTP2FrameType, _ flags: HTTP2Flags = [], streamID: UInt32, payload: some Sequence<UInt8>,
        byteCount: Int
    ) {
        writeFrameHeader(HTTP2FrameHeader(length: byteCount, type: type, flags: flags, streamID: streamID))
        writeBytes(payload)
    }

    /// Appends the header of a frame.
    package mutating func writeFrameHeader(_ header: HTTP2FrameHeader) {
        writeWithUnsafeMutableBytes(minimumWritableBytes: HTTP2FrameHeader.byteCount) {
            header.store(into: $0)
            return HTTP2FrameHeader.byteCount
        }
    }

    /// Appends RST_STREAM.
    mutating func writeReset(_ streamID: UInt32, _ code: HTTP2ErrorCode) {
        writeFrameHeader(HTTP2FrameHeader(length: 4, type: .resetStream, streamID: streamID))
        writeInteger(code.rawValue)
    }

    /// Appends WINDOW_UPDATE.
    mutating func writeWindowUpdate(_ streamID: UInt32, _ increment: Int) {
        writeFrameHeader(HTTP2FrameHeader(length: 4, type: .windowUpdate, streamID: streamID))
        writeInteger(UInt32(truncatingIfNeeded: increment))
    }

    /// Appends PING, or its acknowledgement.
    mutating func writePing(_ data: UInt64, isAcknowledgement: Bool) {
        writeFrameHeader(
            HTTP2FrameHeader(
                length: 8, type: .ping, flags: isAcknowledgement ? .acknowledgement : [], streamID: 0))
        writeInteger(data)
    }

    /// Appends GOAWAY.
    mutating func writeGoAway(lastStreamID: UInt32, _ code: HTTP2ErrorCode, debug: String = "") {
        writeFrameHeader(HTTP2FrameHeader(length: 8 + debug.utf8.count, type: .goAway, streamID: 0))
        writeInteger(lastStreamID)
        writeInteger(code.rawValue)
        writeString(debug)
    }
}
