// What the head of a request says about its call: method, timeout, encoding and metadata.

internal import HTTP2
internal import NIOCore
internal import ProtobufC
internal import RPC

/// The head of a call. Equal heads that follow each other share one.
final class GRPCRequestHead: Sendable {
    /// What a head is.
    enum Outcome {
        case call(GRPCRequestHead)
        /// A call that fails.
        case rejected(Rejection)
        /// No call of gRPC.
        case refused(HTTPRefusal)
    }

    let method: RegisteredMethod
    /// In nanoseconds; 0 for none.
    let timeoutNano: Int64
    let metadata: Metadata
    /// Whether its messages may be compressed with gzip.
    let isGzip: Bool
    /// Whether the client takes messages that are.
    let acceptsGzip: Bool

    private init(
        method: RegisteredMethod, timeoutNano: Int64, metadata: Metadata, isGzip: Bool, acceptsGzip: Bool
    ) {
        self.isGzip = isGzip
        self.acceptsGzip = acceptsGzip
        self.method = method
        self.timeoutNano = timeoutNano
        self.metadata = metadata
    }

    /// Fields that are no metadata of the caller's.
    private static let reserved: Set<String> = ["content-type", "content-length", "te"]

    /// Reads a head.
    static func read(
        _ head: HTTP2RequestHead, _ router: Router, _ configuration: ServerConfiguration
    ) -> Outcome {
        guard head.method == "POST" else { return .refused(.methodNotAllowed(isHead: head.method == "HEAD")) }
        guard isGRPC(head.first("content-type") ?? "") else { return .refused(.unsupportedMediaType) }
        do throws(Rejection) {
            let method = try find(head.path, in: router)
            var timeoutNano: Int64 = 0
            if let timeout = head.first("grpc-timeout") {
                guard let nanoseconds = nanoseconds(timeout: timeout) else { throw .invalidTimeout }
                timeoutNano = nanoseconds
            }
            let encoding = head.first("grpc-encoding") ?? "identity"
            guard encoding == "identity" || encoding == "gzip" else { throw .unknownEncoding }
            return .call(
                GRPCRequestHead(
                    method: method, timeoutNano: timeoutNano, metadata: try metadata(head, configuration),
                    isGzip: encoding == "gzip", acceptsGzip: accepts(head.first("grpc-accept-encoding") ?? "")
                ))
        } catch {
            return .rejected(error)
        }
    }

    /// Whether a content type is `application/grpc`, with an optional `+proto` and parameters.
    private static func isGRPC(_ type: String) -> Bool {
        let type = type.lowercased()
        guard type.hasPrefix("application/grpc") else { return false }
        let rest = type.dropFirst("application/grpc".count)
        return rest.isEmpty || rest == "+proto" || rest.hasPrefix(";") || rest.hasPrefix("+proto;")
    }

    /// Whether a list of encodings has gzip.
    private static func accepts(_ list: String) -> Bool {
        list.split(separator: ",").contains { $0.drop { $0 == " " } == "gzip" }
    }

    private static func find(_ path: String, in router: Router) throws(Rejection) -> RegisteredMethod {
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        guard path.hasPrefix("/"), parts.count == 2 else { throw .unknownMethod(String(path.prefix(200))) }
        var (service, name) = (String(parts[0]), String(parts[1]))
        let found = service.withUTF8 { service in
            name.withUTF8 { name in
                router.find(
                    service: UnsafeRawBufferPointer(service), method: UnsafeRawBufferPointer(name))
            }
        }
        switch found {
        case .success(let method): return method
        case .failure(.service): throw .unknownService(String(service.prefix(200)))
        case .failure(.method): throw .unknownMethod(String(name.prefix(200)))
        }
    }

    /// Reads a `grpc-timeout`; nil for a malformed one. The least is a nanosecond, for 0 means none.
    static func nanoseconds(timeout: String) -> Int64? {
        let digits = timeout.utf8.dropLast()
        guard (1...8).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int64(timeout.dropLast()), let unit = timeout.utf8.last
        else { return nil }
        let nanoseconds: Int64
        switch unit {
        case UInt8(ascii: "H"): nanoseconds = 3_600_000_000_000
        case UInt8(ascii: "M"): nanoseconds = 60_000_000_000
        case UInt8(ascii: "S"): nanoseconds = 1_000_000_000
        case UInt8(ascii: "m"): nanoseconds = 1_000_000
        case UInt8(ascii: "u"): nanoseconds = 1000
        case UInt8(ascii: "n"): nanoseconds = 1
        default: return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: nanoseconds)
        // A timeout of 0 has passed already.
        return overflow ? .max : product == 0 ? -1 : product
    }

    /// The caller's metadata; the values of `-bin` keys are decoded.
    private static func metadata(
        _ head: HTTP2RequestHead, _ configuration: ServerConfiguration
    ) throws(Rejection) -> Metadata {
        var pairs: [(key: [UInt8], value: [UInt8])] = []
        var byteCount = 0
        for field in head.fields where !reserved.contains(field.name) && !field.name.hasPrefix("grpc-") {
            if field.name.hasSuffix("-bin") {
                // Several values may be joined by commas.
                for part in field.value.split(separator: ",", omittingEmptySubsequences: false) {
                    let text = String(part.drop { $0 == " " })
                    guard let value = Base64.decode(text) else { throw .invalidMetadataValue(field.name) }
                    pairs.append((Array(field.name.utf8), value))
                }
            } else {
                pairs.append((Array(field.name.utf8), Array(field.value.utf8)))
            }
        }
        guard !pairs.isEmpty else { return Metadata() }
        for pair in pairs { byteCount += pair.key.count + pair.value.count }
        guard pairs.count <= configuration.maximumMetadataPairs else {
            throw .tooManyMetadataPairs(limit: configuration.maximumMetadataPairs)
        }
        guard byteCount <= configuration.maximumMetadataBytes else {
            throw .tooManyMetadataBytes(limit: configuration.maximumMetadataBytes)
        }
        return try Metadata(pairCount: pairs.count, pairByteCount: byteCount) { store in
            for pair in pairs {
                pair.key.withUnsafeBytes { key in pair.value.withUnsafeBytes { store(key, $0) } }
            }
        }
    }
}

/// Why a request is no call of gRPC, as a status of HTTP.
enum HTTPRefusal {
    case methodNotAllowed(isHead: Bool)
    case unsupportedMediaType

    /// The header block of the answer.
    var block: [UInt8] {
        var writer: HTTP2HeaderWriter
        switch self {
        case .methodNotAllowed:
            writer = HTTP2HeaderWriter(status: 405)
            writer.append("allow", "POST")
        case .unsupportedMediaType: writer = HTTP2HeaderWriter(status: 415)
        }
        writer.append("content-type", "text/plain; charset=utf-8")
        return writer.block
    }

    /// One line for a person.
    var text: String {
        switch self {
        case .methodNotAllowed(isHead: true): ""
        case .methodNotAllowed: "this server answers POST requests of gRPC\n"
        case .unsupportedMediaType: "this server speaks gRPC: the content-type is application/grpc\n"
        }
    }
}
