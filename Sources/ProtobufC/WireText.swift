// Validates strings on the wire for readers that do not convert them to String, such as that of the request
// envelope. Accepts exactly what `MessageSource.string` accepts.

internal import Glibc

/// Strings on the wire.
package enum WireText {
    /// Whether the bytes are UTF-8 without U+0000.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if isASCIIWithoutNUL(bytes) { return true }
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return true }
        guard memchr(start, 0, bytes.count) == nil else { return false }
        return bytes.withMemoryRebound(to: UInt8.self) { (try? UTF8Span(validating: $0.span)) != nil }
    }

    /// Whether the bytes are ASCII without U+0000, as names and tokens are. Checks eight bytes at a time without a
    /// function call.
    private static func isASCIIWithoutNUL(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // A byte sets its high bit here if it is not ASCII, or if it is 0 and the subtraction borrows.
        var faults: UInt64 = 0
        var offset = 0
        while offset &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            faults |= word | (word &- 0x0101_0101_0101_0101)
            offset &+= 8
        }
        while offset < bytes.count {
            let byte = UInt64(bytes[offset])
            faults |= byte | (byte &- 1)
            offset &+= 1
        }
        return faults & 0x8080_8080_8080_8080 == 0
    }
}
