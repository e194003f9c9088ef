// What the head of a request says about its call: form, method, timeout, encoding and metadata. The one place where a request of HTTP
// becomes a call of gRPC, gRPC-Web or Connect, whichever version of HTTP it came over.

internal import HTTP
internal import NIOCore
internal import ProtobufC
internal import RPC

/// The head of a call. Equal heads that follow each other share one.
final class CallHead: Sendable {
    /// What a head is.
    enum Outcome {
        case call(CallHead)
        /// A call that fails.
        case rejected(Rejection, WebCall?)
        /// No call.
        case answered(HTTPAnswer)
    }

    let method: RegisteredMethod
    /// In nanoseconds; 0 for none.
    let timeoutNano: Int64
    let metadata: Metadata
    /// Whether its messages may be compressed with gzip.
    let isGzip: Bool
    /// Whether the client takes messages that are.
    let acceptsGzip: Bool
    /// How its messages are read and written; nil for gRPC.
    let web: WebCall?
    /// The request of a GET, which is in its path.
    let queriedRequest: [UInt8]?

    private init(
        method: RegisteredMethod, timeoutNano: Int64, metadata: Metadata, isGzip: Bool,
        acceptsGzip: Bool, web: WebCall?, queriedRequest: [UInt8]?
    ) {
        self.method = method
        self.timeoutNano = timeoutNano
        self.metadata = metadata
        self.isGzip = isGzip
        self.acceptsGzip = acceptsGzip
        self.web = web
        self.queriedRequest = queriedRequest
    }

    /// Reads a head that came from a peer.
    ///
    /// - Parameter isHTTP1: HTTP/1.1 carries neither trailers nor messages both ways, so some calls need HTTP/2.
    static func read(
        _ head: HTTPRequestHead, isHTTP1: Bool, _ router: Router, _ rules: BrowserRules, from peer: Peer,
        _ configuration: ServerConfiguration
    ) -> Outcome {
        if let refusal = rules.refusal(of: head, from: peer) { return .answered(refusal) }
        if let answer = rules.preflightAnswer(to: head) { return .answered(answer) }
        let served = rules.options.protocols
        let query: ConnectQuery?
        switch head.method {
        case "POST": query = nil
        case "GET", "HEAD":
            if let page = rules.options.page?(String(head.path.prefix { $0 != "?" })) {
                return .answered(HTTPAnswer(page, to: head))
            }
            guard served.contains(.connect), head.method == "GET", let found = ConnectQuery(head.path) else {
                return .answered(.methodNotAllowed("POST", to: head))
            }
            query = found
        default: return .answered(.methodNotAllowed("POST", to: head))
        }
        let form =
            query.map { .connectUnary($0.format) } ?? CallForm(contentType: head.first("content-type") ?? "")
        guard let form, served.contains(form.callProtocol) else {
            return .answered(.unsupportedMediaType(served, to: head))
        }
        if isHTTP1, form == .grpc { return .answered(.refused(505, "gRPC needs HTTP/2", to: head)) }
        let acceptsGzip = listsGzip(head.first(form.acceptedEncodingsField) ?? "")
        let origin = head.first("origin")
        func web(_ method: RegisteredMethod?) -> WebCall? {
            form == .grpc
                ? nil : WebCall(form: form, method: method?.schema, acceptsGzip: acceptsGzip, origin: origin)
        }
        var found: RegisteredMethod?
        do throws(Rejection) {
            let method = try find(head.path, in: router)
            found = method
            if isHTTP1, method.kind.streamsRequests {
                return .answered(.refused(505, "a method with a stream of requests needs HTTP/2", to: head))
            }
            if case .connectUnary = form, !method.isUnary {
                return .answered(.unsupportedMediaType(served, to: head))
            }
            if case .connectStream = form, method.isUnary {
                return .answered(.unsupportedMediaType(served, to: head))
            }
            if query != nil, !ConnectQuery.mayCall(method) {
                return .answered(.methodNotAllowed("POST", to: head))
            }
            let encoding = query?.encoding ?? head.first(form.encodingField) ?? "identity"
            guard encoding == "identity" || encoding == "gzip" else { throw .unknownEncoding }
            return .call(
                CallHead(
                    method: method, timeoutNano: try timeout(head, form, query),
                    metadata: try metadata(head, form, configuration), isGzip: encoding == "gzip",
                    acceptsGzip: acceptsGzip, web: web(method), queriedRequest: query?.message))
        } catch {
            return .rejected(error, web(found))
        }
    }

    /// The timeout in nanoseconds, 0 for none; checks the version of Connect on the way.
    private static func timeout(
        _ head: HTTPRequestHead, _ form: CallForm, _ query: ConnectQuery?
    ) throws(Rejection) -> Int64 {
        guard form.callProtocol == .connect else {
            guard let timeout = head.first("grpc-timeout") else { return 0 }
            guard let nanoseconds = nanoseconds(timeout: timeout) else { throw .invalidTimeout(.grpc) }
            return nanoseconds
        }
        if let version = query?.version ?? head.first("connect-protocol-version") {
            guard version == (query == nil ? "1" : "v1") else {
                throw .invalidMessage("the version of Connect is \(query == nil ? "1" : "v1")")
            }
        }
        guard let timeout = head.first("connect-timeout-ms") else { return 0 }
        guard (1...10).contains(timeout.utf8.count), timeout.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let milliseconds = Int64(timeout)
        else { throw .invalidTimeout(.connect) }
        // A timeout of 0 has passed already.
        return milliseconds == 0 ? -1 : milliseconds * 1_000_000
    }

    /// Whether a list of encodings has gzip, not excluded by a weight of 0.
    private static func listsGzip(_ list: String) -> Bool {
        list.split(separator: ",").contains { element in
            let parts = element.split(separator: ";").map { $0.filter { $0 != " " } }
            return parts.first == "gzip" && !parts.dropFirst().contains { ["q=0", "q=0.0"].contains($0) }
        }
    }

    private static func find(_ path: String, in router: Router) throws(Rejection) -> RegisteredMethod {
        let path = path.prefix { $0 != "?" }
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

    /// Fields that are no metadata of the caller's, in every form.
    private static let reserved: Set<String> = ["content-type", "content-length", "te"]

    /// Fields of HTTP that browsers and other clients of the web send with every request.
    private static let ofWeb: Set<String> = [
        "accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-encoding",
        "cookie",
        "dnt", "expect", "host", "keep-alive", "origin", "pragma", "priority", "referer", "transfer-encoding",
        "user-agent", "x-grpc-web", "x-user-agent",
    ]

    private static func isMetadata(_ name: String, of form: CallForm) -> Bool {
        if reserved.contains(name) || name.hasPrefix("grpc-") { return false }
        return form == .grpc
            || !(ofWeb.contains(name) || name.hasPrefix("connect-") || name.hasPrefix("sec-"))
    }

    /// The caller's metadata; the values of `-bin` keys are decoded.
    private static func metadata(
        _ head: HTTPRequestHead, _ form: CallForm, _ configuration: ServerConfiguration
    ) throws(Rejection) -> Metadata {
        var pairs: [(key: [UInt8], value: [UInt8])] = []
        var byteCount = 0
        for field in head.fields where isMetadata(field.name, of: form) {
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
