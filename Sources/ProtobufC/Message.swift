// Generated messages and their encoding and decoding. The conversion between Swift values and protobuf-c's structs
// is generated; arena, checks and packing are here, once for all messages.

internal import CProtobufC

/// A message of the schema as a Swift value; every conformance is generated.
public protocol Message: Sendable, Equatable {
    /// Makes the empty message: every field has its default.
    init()
    /// The schema of this message.
    static var descriptor: MessageDescriptor { get }
    /// Reads the message from a decoded struct.
    init(_ source: MessageSource) throws(MessageDecodingError)
    /// Writes the message into a struct to be packed.
    func fill(_ target: MessageTarget)
}

/// An enumeration of the schema; every conformance is generated.
public protocol MessageEnumeration: Sendable, Hashable, CaseIterable {
    /// The value of a number on the wire; `unrecognized` if the schema does not name it.
    init(rawValue: Int32)
    /// The number on the wire.
    var rawValue: Int32 { get }
    /// The name in the schema, such as `BOOKING_STATUS_HELD`; the number if it is unrecognized.
    var protoName: String { get }
    /// Whether the schema does not name the number.
    var isUnrecognized: Bool { get }
}

extension MessageEnumeration {
    /// The value with this name in the schema; nil if there is none.
    public init?(protoName: String) {
        guard let value = Self.allCases.first(where: { $0.protoName == protoName }) else { return nil }
        self = value
    }
}

extension Message {
    /// Decodes the encoded message; whatever the bytes are, it takes at most the memory the limits name.
    /// Inlinable as `withEncoded` is.
    @inlinable public init(
        decoding bytes: UnsafeRawBufferPointer, limits: DecodingLimits = .server
    ) throws(MessageDecodingError) {
        // Many requests are empty and need no decoding.
        guard !bytes.isEmpty else {
            self.init()
            return
        }
        self = try Arena.withArena(limit: limits.maximumMemory) { arena throws(MessageDecodingError) in
            try Self(try Self.descriptor.decoded(bytes, limits: limits, in: arena))
        }
    }

    /// Decodes the encoded message; whatever the bytes are, it takes at most the memory the limits name.
    @inlinable public init(
        decoding bytes: [UInt8], limits: DecodingLimits = .server
    ) throws(MessageDecodingError) {
        self = try bytes.withUnsafeBufferPointer { bytes throws(MessageDecodingError) in
            try Self(decoding: UnsafeRawBufferPointer(bytes), limits: limits)
        }
    }

    /// Calls the body with the message ready to be written; the encoded message is valid only during the call.
    /// Inlinable so that it is specialised for each message and body: the generic version takes twice as long.
    ///
    /// - Parameter head: encoded fields to put before the message. By protobuf's rules concatenated encodings are
    ///   one message, so fields that recur in many responses can be encoded once.
    @inlinable public func withEncoded<Result, Failure: Error>(
        behind head: ArraySlice<UInt8> = [], _ body: (EncodedMessage) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Arena.withArena { arena throws(Failure) in
            let target = MessageTarget(for: Self.descriptor, arena)
            fill(target)
            return try head.withUnsafeBufferPointer { head throws(Failure) in
                try body(EncodedMessage(target, behind: UnsafeRawBufferPointer(head)))
            }
        }
    }

    /// The encoded message.
    public func encoded() -> [UInt8] {
        withEncoded { $0.bytes() }
    }
}

/// A message that is about to be written: its size is known, and its bytes go where the caller wants them.
public struct EncodedMessage {
    private let head: UnsafeRawBufferPointer
    private let message: UnsafePointer<ProtobufCMessage>
    /// How many bytes the message takes.
    public let byteCount: Int

    @usableFromInline init(
        _ target: MessageTarget,
        behind head: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) {
        self.head = head
        message = UnsafePointer(target.pointer.assumingMemoryBound(to: ProtobufCMessage.self))
        byteCount = head.count + protobuf_c_message_get_packed_size(message)
    }

    /// Writes the message to the start of the memory, which has to hold at least `byteCount` bytes.
    public func write(into memory: UnsafeMutableRawBufferPointer) {
        precondition(memory.count >= byteCount, "the memory is smaller than the message")
        guard let start = memory.baseAddress else { return }
        memory.copyMemory(from: head)
        protobuf_c_message_pack(message, (start + head.count).assumingMemoryBound(to: UInt8.self))
    }

    /// The encoded message.
    public func bytes() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            write(into: UnsafeMutableRawBufferPointer(buffer))
            count = byteCount
        }
    }
}
