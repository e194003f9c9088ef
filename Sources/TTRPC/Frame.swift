// The frame header of ttrpc: ten bytes before all data (containerd/ttrpc: PROTOCOL.md, channel.go). Types and flags are kept as raw
// bytes, because unknown ones are legal, as extensions of the protocol.

internal import NIOCore

/// The header of one frame.
struct FrameHeader: Equatable {
    /// The bytes of a header on the wire.
    static let byteCount = 10
    /// The maximum data length of the protocol, inclusive (4 MiB).
    static let maximumLength = 4 << 20

    /// The bytes of data after the header.
    var length: UInt32
    /// The call that the frame belongs to.
    var streamID: UInt32
    /// The byte of the message type; `FrameType` has those that are known.
    var type: UInt8
    /// The bits of `FrameFlags`, and possibly unknown ones.
    var flags: UInt8 = 0
}

/// The message types of the protocol.
enum FrameType: UInt8 {
    /// From the client: opens a stream.
    case request = 1
    /// From the server: ends a stream.
    case response = 2
    /// From both, on a stream that is not unary.
    case data = 3
}

/// The known flags of a frame.
struct FrameFlags: OptionSet {
    let rawValue: UInt8

    /// On Request and Data: the sender sends nothing more on this stream.
    static let remoteClosed = FrameFlags(rawValue: 0x01)
    /// On Request: Data frames of the sender follow.
    static let remoteOpen = FrameFlags(rawValue: 0x02)
    /// On Data: the frame contains no message, not even an empty one.
    static let noData = FrameFlags(rawValue: 0x04)
    /// On Data: the end of a stream, as every peer understands it.
    static let endOfStream: FrameFlags = [.remoteClosed, .noData]
}

extension FrameHeader {
    /// The header in exactly that many bytes; nil for fewer or more.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(
            length: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)),
            streamID: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)),
            type: bytes[8], flags: bytes[9])
    }

    /// Whether all of these flags are set.
    func has(_ flags: FrameFlags) -> Bool { FrameFlags(rawValue: self.flags).isSuperset(of: flags) }
}

extension ByteBuffer {
    /// Appends a frame of at most the greatest length, whose data the body writes to memory of that length.
    mutating func writeFrame(
        length: Int, streamID: UInt32, type: FrameType, flags: FrameFlags = [],
        _ body: (UnsafeMutableRawBufferPointer) -> Void
    ) {
        // Header and data in one write, because this is the hot path and every write to a buffer has a cost.
        let total = FrameHeader.byteCount + length
        writeWithUnsafeMutableBytes(minimumWritableBytes: total) { space in
            space.storeBytes(of: UInt32(truncatingIfNeeded: length).bigEndian, as: UInt32.self)
            space.storeBytes(of: streamID.bigEndian, toByteOffset: 4, as: UInt32.self)
            space.storeBytes(of: type.rawValue, toByteOffset: 8, as: UInt8.self)
            space.storeBytes(of: flags.rawValue, toByteOffset: 9, as: UInt8.self)
            body(UnsafeMutableRawBufferPointer(rebasing: space[FrameHeader.byteCount..<total]))
            return total
        }
    }

    /// Appends the Data frame that ends a stream.
    mutating func writeEndOfStream(_ streamID: UInt32) {
        writeFrame(length: 0, streamID: streamID, type: .data, flags: .endOfStream) { _ in }
    }
}
