// The forms of calls, which the content type of a request tells.

/// How messages are encoded.
enum MessageFormat: String {
    case json
    case proto
}

/// How a call is written in requests and responses of HTTP.
enum CallForm: Equatable {
    case grpc
    /// gRPC-Web; as text, the body is base64.
    case grpcWeb(isText: Bool)
    /// Connect with one request and one response, each a body of its own.
    case connectUnary(MessageFormat)
    /// Connect with messages behind prefixes.
    case connectStream(MessageFormat)

    /// The form of a content type, whose parameters count only for JSON, which is UTF-8; nil for any other.
    init?(contentType: String) {
        let parts = contentType.lowercased().split(separator: ";", omittingEmptySubsequences: false)
        let type = parts.first.map { $0.filter { $0 != " " && $0 != "\t" } } ?? ""
        let parameters = parts.dropFirst().map { $0.filter { $0 != " " && $0 != "\"" } }
        switch type {
        case "application/grpc", "application/grpc+proto": self = .grpc
        case "application/grpc-web", "application/grpc-web+proto": self = .grpcWeb(isText: false)
        case "application/grpc-web-text", "application/grpc-web-text+proto": self = .grpcWeb(isText: true)
        case "application/proto": self = .connectUnary(.proto)
        case "application/json": self = .connectUnary(.json)
        case "application/connect+proto": self = .connectStream(.proto)
        case "application/connect+json": self = .connectStream(.json)
        default: return nil
        }
        if format == .json {
            guard parameters.allSatisfy({ !$0.hasPrefix("charset=") || $0 == "charset=utf-8" }) else {
                return nil
            }
        }
    }

    var callProtocol: CallProtocol {
        switch self {
        case .grpc: .grpc
        case .grpcWeb: .grpcWeb
        case .connectUnary, .connectStream: .connect
        }
    }

    var format: MessageFormat {
        switch self {
        case .connectUnary(let format), .connectStream(let format): format
        case .grpc, .grpcWeb: .proto
        }
    }

    /// The content type of responses.
    var contentType: String {
        switch self {
        case .grpc: "application/grpc"
        case .grpcWeb(isText: false): "application/grpc-web+proto"
        case .grpcWeb(isText: true): "application/grpc-web-text+proto"
        case .connectUnary(let format): "application/\(format.rawValue)"
        case .connectStream(let format): "application/connect+\(format.rawValue)"
        }
    }

    /// The field with the encoding of the messages of a request, and of a response.
    var encodingField: String {
        switch self {
        case .grpc, .grpcWeb: "grpc-encoding"
        case .connectUnary: "content-encoding"
        case .connectStream: "connect-content-encoding"
        }
    }

    /// The field with the encodings that the client takes.
    var acceptedEncodingsField: String {
        switch self {
        case .grpc, .grpcWeb: "grpc-accept-encoding"
        case .connectUnary: "accept-encoding"
        case .connectStream: "connect-accept-encoding"
        }
    }

    /// How the body of a request holds its messages.
    var framing: MessageReader.Framing {
        switch self {
        case .grpc, .grpcWeb(isText: false), .connectStream: .prefixed
        case .grpcWeb(isText: true): .prefixedInBase64
        case .connectUnary: .whole
        }
    }
}
