// Etags: the version of a resource as a text that shows nothing of it, so that nobody counts on it being a number.

internal import RPC

/// The etag of a version: 13 digits of base 32, which a String holds without allocating.
enum Etag {
    /// An odd number, by which multiplying mixes the bits of a version, and its inverse.
    private static let mixer: (by: UInt64, back: UInt64) = (0x9E37_79B9_7F4A_7C15, 0xF1DE_83E1_9937_733D)
    private static let digits: StaticString = "0123456789abcdefghijklmnopqrstuv"
    private static let length = 13

    /// The etag of a version.
    static func text(of version: Int64) -> String {
        let mixed = UInt64(bitPattern: version) &* mixer.by
        return String(unsafeUninitializedCapacity: length) { buffer in
            for index in 0..<length {
                buffer[index] = digits.utf8Start[Int(truncatingIfNeeded: mixed >> UInt64(5 * index)) & 31]
            }
            return length
        }
    }

    /// The version of an etag; nil for a text that is none.
    static func version(of text: String) -> Int64? {
        guard text.utf8.count == length else { return nil }
        var mixed: UInt64 = 0
        for (index, digit) in text.utf8.enumerated() {
            let value: UInt64
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "v"): value = UInt64(digit - UInt8(ascii: "a")) + 10
            default: return nil
            }
            mixed |= value << UInt64(5 * index)
        }
        let version = Int64(bitPattern: mixed &* mixer.back)
        // The last digit has bits to spare, of which an etag uses none.
        return version > 0 && Self.text(of: version) == text ? version : nil
    }
}

/// The etag of a version; opaque to callers.
func etag(_ version: Int64) -> String { Etag.text(of: version) }

/// The version in an etag; nil for an empty one. Throws INVALID_ETAG.
func version(ofEtag etag: String, field: String = "etag") throws(Status) -> Int64? {
    guard !etag.isEmpty else { return nil }
    guard let version = Etag.version(of: etag) else { throw Status(.invalidEtag, field: field) }
    return version
}

/// The version in the etag of an update, or in that of the resource that it sends back (AIP-154), whose path is `field`. Throws
/// INVALID_ETAG also for two that differ.
func version(
    ofEtag etag: String, or sentBack: String, field: String
) throws(Status) -> Int64? {
    let version = try version(ofEtag: etag)
    guard let other = try ClinicService.version(ofEtag: sentBack, field: field) else { return version }
    guard version == nil || version == other else {
        throw Status(
            .invalidEtag, field: field, "etag and \(field) differ; give one of them, or the same twice")
    }
    return other
}
