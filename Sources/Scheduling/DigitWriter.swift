// Writes fixed-width decimal fields. Every booking in a response has a local time, so its bytes go straight into
// the string's storage: concatenating strings took 3 % of the time of a booking.

/// Appends digits and separators to a string under construction.
struct DigitWriter {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private var count = 0

    /// The string that `write` produces, of at most `capacity` bytes.
    static func text(capacity: Int, _ write: (inout DigitWriter) -> Void) -> String {
        String(unsafeUninitializedCapacity: capacity) { bytes in
            var writer = DigitWriter(bytes: bytes)
            write(&writer)
            return writer.count
        }
    }

    private init(bytes: UnsafeMutableBufferPointer<UInt8>) { self.bytes = bytes }

    /// Appends the last `digits` digits of a number that is not negative, padded with zeros on the left.
    mutating func put(_ number: Int, digits: Int) {
        guard count + digits <= bytes.count else { return }
        // 32 bits are enough for a field, and dividing them by a constant is a multiplication.
        var rest = UInt32(truncatingIfNeeded: number)
        for place in stride(from: count + digits - 1, through: count, by: -1) {
            bytes[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        count += digits
    }

    /// Appends one separator.
    mutating func put(_ separator: Unicode.Scalar) { put(UInt8(ascii: separator)) }

    private mutating func put(_ byte: UInt8) {
        guard count < bytes.count else { return }
        bytes[count] = byte
        count += 1
    }
}
