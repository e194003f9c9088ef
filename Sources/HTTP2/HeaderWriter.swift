// Header blocks of responses. They use the static table and no dynamic one, so a block depends on nothing that was sent before and can
// be made once for many responses.

package import HTTP

/// Builds a header block.
package struct HTTP2HeaderWriter {
    /// The block so far.
    package private(set) var block: [UInt8] = []
    /// Its length as a header list (RFC 9113, 6.5.2), in bytes.
    package private(set) var listBytes = 0

    /// A block that begins with a status, such as 200.
    package init(status: Int) {
        listBytes = ":status".utf8.count + 3 + 32
        // The static table has some statuses in full, and the name of all.
        let indices = [200: 8, 204: 9, 206: 10, 304: 11, 400: 12, 404: 13, 500: 14]
        if let index = indices[status] {
            block.append(0x80 | UInt8(index))
        } else {
            block.append(8)
            appendString("\(status)")
        }
    }

    /// The block of a response's head.
    package init(_ head: HTTPResponseHead) {
        self.init(status: head.status)
        for field in head.fields { append(field.name, field.value) }
    }

    /// A block of trailers.
    package init() {}

    /// Appends a field; the name is lower-case.
    package mutating func append(_ name: String, _ value: String) {
        block.append(0)
        appendString(name)
        appendString(value)
        listBytes += name.utf8.count + value.utf8.count + 32
    }

    private mutating func appendString(_ text: String) {
        let count = text.utf8.count
        if count < 127 {
            block.append(UInt8(count))
        } else {
            block.append(127)
            var rest = count - 127
            while rest >= 128 {
                block.append(UInt8(rest & 0x7F) | 0x80)
                rest >>= 7
            }
            block.append(UInt8(rest))
        }
        block.append(contentsOf: text.utf8)
    }
}
