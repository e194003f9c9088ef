// The messages in the body of a request: each has a byte that says whether it is compressed, four bytes of length, and its own bytes
// (Length-Prefixed-Message). A message that is too long is refused at its prefix, before anything of it is collected.

internal import NIOCore
internal import ProtobufC

/// An incremental reader of length-prefixed messages, or of one message that is the whole body.
struct MessageReader {
    /// How a body holds its messages.
    enum Framing {
        case prefixed
        case prefixedInBase64
        /// The body is the message.
        case whole
    }

    /// The bytes before each message.
    static let prefixBytes = 5

    /// What `next()` found.
    enum Event: Equatable {
        case needsMoreBytes
        case message([UInt8], isCompressed: Bool)
        case tooLong(UInt32)
        case invalidFlag
        case invalidBase64
    }

    var framing = Framing.prefixed
    private var base64 = Base64Decoder()

    private var bytes = ByteBuffer()
    /// The announced length of the message that is arriving, with its prefix; 0 without one.
    private(set) var announced = 0
    /// Whether a complete message waits for room in its queue.
    var isStuck = false

    /// Whether a message has begun and is not complete.
    var isInsideMessage: Bool { bytes.readableBytes > 0 || base64.isInsideGroup }

    /// Appends bytes of the body.
    mutating func append(_ part: ByteBuffer) {
        if framing == .prefixedInBase64 {
            base64.decode(part.readableBytesView, into: &bytes)
        } else {
            bytes.writeImmutableBuffer(part)
        }
    }

    /// The body as one message, once it is complete.
    mutating func takeWhole() -> [UInt8] {
        announced = 0
        defer { bytes = ByteBuffer() }
        return bytes.readBytes(length: bytes.readableBytes) ?? []
    }

    /// The next event; called until it needs more bytes.
    mutating func next(limit: Int) -> Event {
        if base64.isMalformed { return .invalidBase64 }
        if framing == .whole {
            announced = bytes.readableBytes
            return announced > limit ? .tooLong(UInt32(clamping: announced)) : .needsMoreBytes
        }
        guard let flag: UInt8 = bytes.getInteger(at: bytes.readerIndex),
            let length: UInt32 = bytes.getInteger(at: bytes.readerIndex + 1)
        else { return .needsMoreBytes }
        guard flag <= 1 else { return .invalidFlag }
        guard Int(length) <= limit else { return .tooLong(length) }
        announced = Int(length) + Self.prefixBytes
        guard bytes.readableBytes >= announced else { return .needsMoreBytes }
        bytes.moveReaderIndex(forwardBy: Self.prefixBytes)
        let message = bytes.readBytes(length: Int(length)) ?? []
        announced = 0
        if bytes.readableBytes == 0 { bytes = ByteBuffer() } else { bytes.discardReadBytes() }
        return .message(message, isCompressed: flag == 1)
    }

    /// The only message of a body that is exactly these bytes; nil if it is not, or is compressed.
    @inline(__always)
    static func only(in body: UnsafeRawBufferPointer, limit: Int) -> [UInt8]? {
        guard body.count >= prefixBytes, body[0] == 0 else { return nil }
        let length = Int(UInt32(bigEndian: body.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
        guard length == body.count - prefixBytes, length <= limit else { return nil }
        return Array(body[prefixBytes...])
    }
}
