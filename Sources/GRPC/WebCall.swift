// A call of gRPC-Web or Connect: how its requests are read, and how its responses are written, over either version of HTTP. A body holds
// all of a response, with its status, so both versions send the same bytes.

internal import HTTP
internal import NIOCore
internal import ProtobufC
internal import RPC
internal import RPCMessages

/// The form of one call.
final class WebCall: Sendable {
    /// A response that is complete, or that its head begins.
    struct Response {
        let head: HTTPResponseHead
        let body: ByteBuffer
    }

    let form: CallForm
    /// Nil for a call whose method is not known.
    private let method: AnyMethod?
    private let acceptsGzip: Bool
    private let origin: String?

    init(form: CallForm, method: AnyMethod?, acceptsGzip: Bool, origin: String?) {
        self.form = form
        self.method = method
        self.acceptsGzip = acceptsGzip
        self.origin = origin
    }

    // MARK: Requests

    /// A request in protobuf's encoding.
    func decoded(_ message: [UInt8], limit: Int) throws(Rejection) -> [UInt8] {
        guard form.format == .json, let method else { return message }
        guard let text = String(validating: message, as: UTF8.self) else {
            throw .invalidMessage("the request is not UTF-8")
        }
        let bytes: [UInt8]
        do {
            bytes = try method.request.bytes(json: text)
        } catch {
            throw .invalidMessage("the request is not a \(method.request.name): \(error)")
        }
        guard bytes.count <= limit else {
            throw .tooLong(length: UInt32(clamping: bytes.count), limit: limit)
        }
        return bytes
    }

    // MARK: Responses

    /// The response of a call that succeeded; throws if it is too long.
    func success(_ message: EncodedMessage) throws(Rejection) -> Response {
        guard message.byteCount <= Status.maximumMessageLength else {
            throw .responseTooLong(length: message.byteCount)
        }
        guard case .connectUnary = form else {
            var body = self.message(message)
            body.writeImmutableBuffer(end(nil))
            return Response(head: streamHead, body: body)
        }
        let bytes = encoded(message)
        if acceptsGzip, bytes.count >= Gzip.minimumBytes, let compressed = Gzip.compressed(bytes) {
            return Response(
                head: head(200, form.contentType, [HTTPField("content-encoding", "gzip")]),
                body: ByteBuffer(bytes: compressed))
        }
        return Response(head: head(200, form.contentType), body: ByteBuffer(bytes: bytes))
    }

    /// The response of a call that failed before it had any.
    func failure(_ status: Status) -> Response {
        guard case .connectUnary = form else { return Response(head: streamHead, body: end(status)) }
        let error = ConnectError(status)
        return Response(
            head: head(error.httpStatus, "application/json"),
            body: ByteBuffer(string: error.json.text(pretty: false)))
    }

    /// The head of a response with messages behind prefixes.
    var streamHead: HTTPResponseHead {
        head(200, form.contentType, acceptsGzip ? [HTTPField(form.encodingField, "gzip")] : [])
    }

    /// One message of a response.
    func message(_ message: EncodedMessage) -> ByteBuffer {
        let bytes = encoded(message)
        if acceptsGzip, bytes.count >= Gzip.minimumBytes, let compressed = Gzip.compressed(bytes) {
            return prefixed(compressed, flags: 1)
        }
        return prefixed(bytes, flags: 0)
    }

    /// What follows the last message: the status.
    func end(_ status: Status?) -> ByteBuffer {
        switch form {
        case .grpcWeb: return prefixed(Array(Self.trailers(status).utf8), flags: 0x80)
        case .grpc, .connectUnary, .connectStream:
            let members = status.map { [JSONValue.Member(name: "error", value: ConnectError($0).json)] } ?? []
            return prefixed(Array(JSONValue.object(members).text(pretty: false).utf8), flags: 2)
        }
    }

    private func encoded(_ message: EncodedMessage) -> [UInt8] {
        guard form.format == .json, let method else { return message.bytes() }
        // What the server has encoded itself can be decoded.
        return Array(((try? method.response.json(decoding: message.bytes(), style: .canonical)) ?? "{}").utf8)
    }

    private func prefixed(_ bytes: [UInt8], flags: UInt8) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(MessageReader.prefixBytes + bytes.count)
        buffer.writeInteger(flags)
        buffer.writeInteger(UInt32(truncatingIfNeeded: bytes.count))
        buffer.writeBytes(bytes)
        guard form == .grpcWeb(isText: true) else { return buffer }
        return ByteBuffer(string: Base64.encode(Array(buffer.readableBytesView)))
    }

    private func head(_ status: Int, _ contentType: String, _ fields: [HTTPField] = []) -> HTTPResponseHead {
        var all = [HTTPField("content-type", contentType)] + fields + [HTTPField("cache-control", "no-store")]
        all.append(HTTPField(form.acceptedEncodingsField, "identity, gzip"))
        if let origin { all += BrowserRules.fields(for: origin) }
        return HTTPResponseHead(status, all)
    }

    /// The trailers of gRPC as lines.
    private static func trailers(_ status: Status?) -> String {
        guard let form = status?.wireForm else { return "grpc-status: 0\r\n" }
        var text = "grpc-status: \(form.code)\r\ngrpc-message: \(PercentEncoding.encode(form.message))\r\n"
        let details = form.details.isEmpty ? [] : form.encoded()
        if !details.isEmpty, details.count <= Status.maximumDetailBytes {
            text += "grpc-status-details-bin: \(Base64.encode(details))\r\n"
        }
        return text
    }
}
