// Base64 in a body that comes in parts. A client may encode each of its messages for itself, so that padding stands within the body.

internal import NIOCore
internal import ProtobufC

/// An incremental decoder of groups of four digits.
struct Base64Decoder {
    private var group: [UInt8] = []
    private(set) var isMalformed = false

    /// Whether a group has begun and is not complete.
    var isInsideGroup: Bool { !group.isEmpty }

    /// Appends what the digits mean to a buffer.
    mutating func decode(_ digits: some Sequence<UInt8>, into buffer: inout ByteBuffer) {
        for digit in digits where !isMalformed {
            group.append(digit)
            guard group.count == 4 else { continue }
            guard let bytes = Base64.decode(String(decoding: group, as: UTF8.self)) else {
                isMalformed = true
                return
            }
            buffer.writeBytes(bytes)
            group.removeAll(keepingCapacity: true)
        }
    }
}
