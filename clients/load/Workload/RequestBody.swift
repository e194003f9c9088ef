// Encodes request envelopes by hand. The constant part of a method's calls is encoded once, so that a call costs
// one buffer and a few copies instead of a protobuf-c message with a metadata list.

internal import NIOCore
internal import ProtobufC

/// Encodes the ttrpc.Requests of one method.
struct RequestBody {
    /// The encoded fields 1 and 2: service and method.
    private let prefix: [UInt8]

    init<Request: Message, Response: Message>(_ method: Method<Request, Response>) {
        prefix =
            Self.field(1, Array(method.service.utf8)) + Self.field(2, Array(method.name.utf8))
    }

    /// Encodes a request. `metadata` comes from `metadata(_:_:)`.
    func encoded(_ payload: [UInt8], metadata: [UInt8], key: IdempotencyKeys.Key? = nil) -> ByteBuffer {
        // 6 is the tag and a length of at most five bytes.
        var buffer = ByteBufferAllocator().buffer(
            capacity: prefix.count + 6 + payload.count + metadata.count
                + (key == nil ? 0 : IdempotencyKeys.byteCount))
        buffer.writeBytes(prefix)
        if !payload.isEmpty {
            buffer.writeInteger(Self.tag(3))
            buffer.writeVarint(UInt64(payload.count))
            buffer.writeBytes(payload)
        }
        buffer.writeBytes(metadata)
        key?.write(to: &buffer)
        return buffer
    }

    /// Encodes a metadata pair of a request.
    static func metadata(_ key: String, _ value: String) -> [UInt8] {
        field(5, field(1, Array(key.utf8)) + field(2, Array(value.utf8)))
    }

    private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeInteger(tag(number))
        buffer.writeVarint(UInt64(bytes.count))
        buffer.writeBytes(bytes)
        return Array(buffer.readableBytesView)
    }

    /// The tag of a length-delimited field.
    private static func tag(_ number: UInt8) -> UInt8 { number << 3 | 2 }
}

/// Idempotency keys, unique even among runs with the same seed, because the server still has the responses of
/// earlier runs.
struct IdempotencyKeys {
    private static let digits = 32
    private static let name = Array("idempotency-key".utf8)
    /// The size of the encoded metadata pair in bytes.
    static let byteCount = 2 + 2 + name.count + 2 + digits

    /// One idempotency key.
    struct Key {
        fileprivate let run: UInt64
        fileprivate let number: UInt64

        /// Appends the encoded metadata pair.
        fileprivate func write(to buffer: inout ByteBuffer) {
            // Field 5 is a message of two strings; all lengths are below 128 and take one byte.
            buffer.writeMultipleIntegers(
                UInt8(5 << 3 | 2), UInt8(byteCount - 2), UInt8(1 << 3 | 2), UInt8(name.count))
            buffer.writeBytes(name)
            buffer.writeMultipleIntegers(UInt8(2 << 3 | 2), UInt8(digits))
            for part in [run, number] {
                for place in stride(from: 60, through: 0, by: -4) {
                    let digit = UInt8(truncatingIfNeeded: part >> UInt64(place)) & 15
                    buffer.writeInteger(digit < 10 ? 48 + digit : 87 + digit)
                }
            }
        }
    }

    /// Independent of the seed: it distinguishes this loop of this run from all others.
    private let run = UInt64.random(in: .min ... .max)
    private var number: UInt64 = 0

    mutating func next() -> Key {
        number &+= 1
        return Key(run: run, number: number)
    }
}

extension ByteBuffer {
    /// Appends a protobuf varint.
    fileprivate mutating func writeVarint(_ number: UInt64) {
        var rest = number
        while rest > 127 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        writeInteger(UInt8(rest))
    }
}

extension ByteBufferView {
    /// Field 1 of a message if it is a nonzero varint and was written first, as all writers in use do: the id of a
    /// booking or transaction without decoding the rest. Nil otherwise.
    var leadingID: Int64? {
        guard first == 1 << 3 else { return nil }
        var (number, shift): (UInt64, UInt64) = (0, 0)
        for byte in dropFirst() {
            guard shift < 64 else { return nil }
            number |= UInt64(byte & 127) << shift
            if byte < 128 { return Int64(bitPattern: number) }
            shift += 7
        }
        return nil
    }
}
