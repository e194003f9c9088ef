// Details of google.rpc for programs: why a call failed (ErrorInfo), which fields are wrong (BadRequest), when to try again
// (RetryInfo). Each is packed into an Any under its public type URL, so that clients in other
// languages find it with their own libraries.

public import ProtobufC
public import RPCMessages

extension Status {
    /// A failure with a reason in UPPER_SNAKE_CASE that is unique in its domain, and metadata of the reason.
    public init(
        _ code: StatusCode, _ message: String, reason: String, domain: String,
        metadata: [(String, String)] = []
    ) {
        self.init(code, message)
        add(
            RPCErrorInfo(
                reason: reason, domain: domain,
                metadata: metadata.map { RPCErrorInfo.MetadataEntry(key: $0.0, value: $0.1) }))
    }

    /// The reason that the sender gave, if any.
    public var errorInfo: RPCErrorInfo? { detail(RPCErrorInfo.self) }
    /// The wrong fields that the sender listed, if any.
    public var badRequest: RPCBadRequest? { detail(RPCBadRequest.self) }
    /// The time to wait that the sender asked for, if any.
    public var retryInfo: RPCRetryInfo? { detail(RPCRetryInfo.self) }

    /// Adds a detail.
    public mutating func add(_ detail: some Message) {
        details.append(
            ProtobufAny(typeURL: Self.typeURL(of: type(of: detail)), value: detail.encoded()))
    }

    /// The same failure with an additional detail.
    public func adding(_ detail: some Message) -> Status {
        var status = self
        status.add(detail)
        return status
    }

    /// The first detail of a type, or nil if there is none that can be read.
    public func detail<Detail: Message>(_ type: Detail.Type) -> Detail? {
        let suffix = "/" + type.descriptor.name
        return details.lazy.filter { $0.typeURL.hasSuffix(suffix) }
            .compactMap { try? Detail(decoding: $0.value) }.first
    }

    private static func typeURL(of type: (some Message).Type) -> String {
        "type.googleapis.com/" + type.descriptor.name
    }
}
