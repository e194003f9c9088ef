// The answers of one connection that are not sent yet, packed one behind the other as they will be on the wire, so
// that one write sends all of them.
//
// An OK answer is the hot path: its response is packed by protobuf-c straight into this buffer, behind a frame
// header and the two envelope fields' beginning written by hand (a tag and a length; a test holds it against what
// protobuf-c packs). A failure is rare and goes through the envelope's own message.

internal import NIOCore
internal import ProtobufC
internal import TTRPCMessages

/// The unsent answers of a connection.
struct AnswerBuffer {
    /// Tag of `payload` in a Response: field 2, length-delimited.
    private static let payloadTag: UInt8 = 2 << 3 | 2
    /// The most that stays allocated in an idle connection.
    private static let retainedBytes = 8192

    private var buffer = ByteBuffer()

    /// The bytes that wait.
    var byteCount: Int { buffer.readableBytes }

    /// Adds the answer of a call that succeeded; throws if it is too long for a frame.
    mutating func append(_ response: EncodedMessage, streamID: UInt32) throws(Refusal) {
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

    /// Adds the answer of a call that failed. Details that are too long for a frame are left out.
    mutating func append(_ status: Status, streamID: UInt32) {
        var response = TTRPCResponse(status: status.wireForm)
        if response.withEncoded({ $0.byteCount }) > FrameHeader.maximumLength {
            response.status?.details = []
        }
        response.withEncoded { buffer.writeFrame($0, streamID: streamID, type: .response) }
    }

    /// Adds the answer of a call that is refused.
    mutating func append(_ answer: RefusalAnswer, streamID: UInt32) {
        buffer.writeFrame(length: answer.response.count, streamID: streamID, type: .response) {
            $0.copyBytes(from: answer.response)
        }
    }

    /// Adds one message of a stream; the bytes of its frame, or nil for a message that is too long for one.
    mutating func appendMessage(_ message: some Message, streamID: UInt32) -> Int? {
        message.withEncoded { encoded in
            guard encoded.byteCount <= FrameHeader.maximumLength else { return nil }
            buffer.writeFrame(encoded, streamID: streamID, type: .data)
            return FrameHeader.byteCount + encoded.byteCount
        }
    }

    /// Adds the end of a stream of messages. It is a frame of its own, and never an OK response: clients take that
    /// for one more message.
    mutating func appendEndOfStream(_ streamID: UInt32) {
        buffer.writeEndOfStream(streamID)
    }

    /// Takes what waits, to be written at once. It is gone from here before the channel sees it, since a write
    /// may come back to the connection and make it send more.
    mutating func take() -> ByteBuffer {
        defer { buffer = ByteBuffer() }
        return buffer
    }

    /// Uses the memory of what was taken and written for the next answers, if it is not much.
    mutating func reuse(_ written: consuming ByteBuffer) {
        guard buffer.capacity == 0, written.capacity <= Self.retainedBytes else { return }
        buffer = written
        buffer.clear()
    }
}

/// Base-128 numbers of protobuf, as far as an envelope's own prefix needs them.
enum Varint {
    /// The bytes that a number takes: 1 to 10.
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
