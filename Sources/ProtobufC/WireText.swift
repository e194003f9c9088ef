// The check of text for a reader that does not make a String of it, such as that of the envelopes: what it passes is what
// `MessageSource.string` takes.

internal import Glibc

/// Text on the wire.
package enum WireText {
    /// Whether the bytes are UTF-8 without U+0000.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return true }
        guard memchr(start, 0, bytes.count) == nil else { return false }
        return bytes.withMemoryRebound(to: UInt8.self) { (try? UTF8Span(validating: $0.span)) != nil }
    }
}
