// A failure as trailers: grpc-status, grpc-message and grpc-status-details-bin.

internal import HTTP2
internal import ProtobufC
internal import RPC
internal import RPCMessages

extension Status {
    /// Longer details are left out, in bytes before base64.
    static let maximumDetailBytes = 8 << 10

    /// The header block of a failure, behind other fields.
    ///
    /// - Parameter limit: the longest header list that the client takes; details that do not fit are left out.
    func trailers(after base: HTTP2HeaderWriter, limit: Int) -> [UInt8] {
        let form = wireForm
        var writer = base
        writer.append("grpc-status", "\(form.code)")
        if !form.message.isEmpty { writer.append("grpc-message", PercentEncoding.encode(form.message)) }
        guard !form.details.isEmpty else { return writer.block }
        let details = form.encoded()
        guard details.count <= Self.maximumDetailBytes else { return writer.block }
        var complete = writer
        complete.append("grpc-status-details-bin", Base64.encode(details))
        return complete.listBytes <= limit ? complete.block : writer.block
    }
}

/// The form of a grpc-message.
enum PercentEncoding {
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// Encodes the bytes of UTF-8 that are not printable ASCII, and the percent sign.
    static func encode(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if (0x20...0x7E).contains(byte), byte != UInt8(ascii: "%") {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
            }
        }
        // A header value has no blanks at its ends.
        let blank = UInt8(ascii: " ")
        if bytes.first == blank { bytes.replaceSubrange(0..<1, with: "%20".utf8) }
        if bytes.last == blank { bytes.replaceSubrange((bytes.count - 1)..<bytes.count, with: "%20".utf8) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
