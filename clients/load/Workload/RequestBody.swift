// Encodes the envelope of a call by hand: what a method's calls have in common is encoded once, and a call then costs one
// buffer and a few copies instead of a message of protobuf-c with a list of metadata.

internal import NIOCore
internal import ProtobufC

/// Makes the bodies of one method's calls: encoded ttrpc.Requests.
struct RequestBody {
    /// Fields 1 and 2: service and method.
    private let prefix: [UInt8]

    init<Request: Message, Response: Message>(_ method: Method<Request, Response>) {
        prefix =
            Self.field(1, Array(method.service.utf8)) + Self.field(2, Array(method.name.utf8))
    }

    /// A body. `metadata` is made by `metadata(_:_:)`.
    func encoded(_ payload: [UInt8], metadata: [UInt8], key: IdempotencyKeys.Key? = nil) -> ByteBuffer {
        // A tag and a length of at most five bytes.
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

    /// A pair of metadata as it stands in a request.
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

/// Keys of changes: no two alike, also in other runs of the same seed, whose answers the server still knows.
struct IdempotencyKeys {
    private static let digits = 32
    private static let name = Array("idempotency-key".utf8)
    /// The bytes of the metadata's pair.
    static let byteCount = 2 + 2 + name.count + 2 + digits

    /// One of them.
    struct Key {
        fileprivate let run: UInt64
        fileprivate let number: UInt64

        /// Appends the pair of metadata.
        fileprivate func write(to buffer: inout ByteBuffer) {
            // Field 5 with a message of two texts; every length is below 128 and takes one byte.
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

    /// Not of the seed: it is what tells this loop of this run from all others.
    private let run = UInt64.random(in: .min ... .max)
    private var number: UInt64 = 0

    mutating func next() -> Key {
        number &+= 1
        return Key(run: run, number: number)
    }
}

extension ByteBuffer {
    /// Appends a number as protobuf has it: seven bits in each byte, the lowest first.
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
    /// Field 1 of a message, a number that is not 0 and was written first, as every writer in use does: the id of a
    /// booking or a transaction without decoding the rest. Nil for other bytes.
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
