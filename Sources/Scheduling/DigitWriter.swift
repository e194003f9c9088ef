// Writes what `DigitReader` reads. Every answer about a booking has such a time in it, so it is written byte by byte
// into the text's own memory: put together of texts it was a thirtieth of all that the service does for a booking.

/// The end of a text that is being written.
struct DigitWriter {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private var count = 0

    /// A text of at most so many bytes.
    static func text(capacity: Int, _ write: (inout DigitWriter) -> Void) -> String {
        String(unsafeUninitializedCapacity: capacity) { bytes in
            var writer = DigitWriter(bytes: bytes)
            write(&writer)
            return writer.count
        }
    }

    private init(bytes: UnsafeMutableBufferPointer<UInt8>) { self.bytes = bytes }

    /// Puts that many digits: the last ones of a number of 0 or more, filled up with zeros on the left.
    mutating func put(_ number: Int, digits: Int) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        for _ in 0..<digits {
            put(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    /// Puts one separator.
    mutating func put(_ separator: Unicode.Scalar) { put(UInt8(ascii: separator)) }

    private mutating func put(_ byte: UInt8) {
        guard count < bytes.count else { return }
        bytes[count] = byte
        count += 1
    }
}
