// Writes responses to the outgoing buffer, one after the other.
//
// A successful response is the hot path: protobuf-c packs it straight into the buffer, after a frame header and a hand-written
// beginning of the envelope (a tag and a length; a test compares it with what protobuf-c packs). A failure is rare and is encoded as
// the message of the envelope.

internal import NIOCore
internal import ProtobufC
internal import RPC
internal import RPCMessages
internal import TTRPCMessages

extension TTRPCServerWire {
    /// Tag of `payload` in a Response: field 2, length-delimited.
    private static let payloadTag: UInt8 = 2 << 3 | 2

    func write(_ response: EncodedMessage, streamID: UInt32, to buffer: inout ByteBuffer) throws(Rejection) {
        let byteCount = response.byteCount
        let prefixCount = byteCount == 0 ? 0 : 1 + Varint.byteCount(of: UInt64(byteCount))
        guard byteCount <= FrameHeader.maximumLength - prefixCount else {
            throw .responseTooLong(length: byteCount)
        }
        buffer.writeFrame(length: prefixCount + byteCount, streamID: streamID, type: .response) { space in
            guard byteCount > 0 else { return }
            space[0] = Self.payloadTag
            Varint.store(UInt64(byteCount), into: UnsafeMutableRawBufferPointer(rebasing: space[1...]))
            response.write(into: UnsafeMutableRawBufferPointer(rebasing: space[prefixCount...]))
        }
    }

    func write(_ status: Status, streamID: UInt32, to buffer: inout ByteBuffer) {
        var response = TTRPCResponse(status: status.wireForm)
        if response.withEncoded({ $0.byteCount }) > FrameHeader.maximumLength {
            response.status?.details = []
        }
        response.withEncoded { buffer.writeFrame($0, streamID: streamID, type: .response) }
    }

    func write(_ rejection: RejectionStatus, streamID: UInt32, to buffer: inout ByteBuffer) {
        guard let index = rejection.frequentIndex else {
            return write(rejection.status, streamID: streamID, to: &buffer)
        }
        let response = rejections[index]
        buffer.writeFrame(length: response.count, streamID: streamID, type: .response) {
            $0.copyBytes(from: response)
        }
    }

    func writeMessage(_ message: EncodedMessage, streamID: UInt32, to buffer: inout ByteBuffer) -> Int? {
        guard message.byteCount <= FrameHeader.maximumLength else { return nil }
        buffer.writeFrame(message, streamID: streamID, type: .data)
        return FrameHeader.byteCount + message.byteCount
    }

    /// The end is a Data frame, not an OK response, which clients take for one more message.
    func writeEndOfStream(_ streamID: UInt32, to buffer: inout ByteBuffer) {
        buffer.writeEndOfStream(streamID)
    }

    /// Appends nothing, because ttrpc has no such message: clients learn of the drain when their next call is rejected.
    func writeDrain(to buffer: inout ByteBuffer) {}
}

/// Varints of protobuf, for the beginning of the envelope.
enum Varint {
    /// The number of bytes of a varint, 1 to 10.
    static func byteCount(of value: UInt64) -> Int {
        value == 0 ? 1 : (UInt64.bitWidth - value.leadingZeroBitCount + 6) / 7
    }

    /// Writes a number to the start of memory that is long enough.
    static func store(_ value: UInt64, into memory: UnsafeMutableRawBufferPointer) {
        var rest = value
        var index = 0
        while rest >= 0x80 {
            memory[index] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest >>= 7
            index += 1
        }
        memory[index] = UInt8(truncatingIfNeeded: rest)
    }
}

extension ByteBuffer {
    /// Appends a frame whose data is a message that fits into one.
    mutating func writeFrame(
        _ message: EncodedMessage, streamID: UInt32, type: FrameType, flags: FrameFlags = []
    ) {
        writeFrame(length: message.byteCount, streamID: streamID, type: type, flags: flags) {
            message.write(into: $0)
        }
    }
}
