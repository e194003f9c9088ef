// What a server answers over HTTP.

internal import NIOCore
public import RPC

/// A form in which calls come over HTTP.
public enum CallProtocol: String, Sendable, CaseIterable {
    /// gRPC, over HTTP/2 only.
    case grpc
    /// gRPC-Web, binary and text.
    case grpcWeb = "grpc-web"
    /// Connect, with messages in protobuf's encoding and in JSON.
    case connect
}

/// A page that is served beside the calls.
public struct HTTPPage: Sendable {
    /// Its media type, such as `text/html; charset=utf-8`.
    public let contentType: String
    /// What browsers may do with it, as the value of Content-Security-Policy.
    public let securityPolicy: String
    /// Its bytes.
    public let body: [UInt8]

    /// Makes a page.
    public init(contentType: String, securityPolicy: String, body: [UInt8]) {
        self.contentType = contentType
        self.securityPolicy = securityPolicy
        self.body = body
    }
}

/// What a server answers over HTTP, and to whom.
public struct HTTPOptions: Sendable {
    /// The forms of calls that are served (default: all).
    public var protocols = Set(CallProtocol.allCases)
    /// The origins whose pages may call, such as `https://clinic.example.org` (default: none). A request that names another is
    /// refused.
    public var allowedOrigins: Set<String> = []
    /// The names, beside `localhost` and addresses, under which browsers reach the server (default: none). Over TCP a request of
    /// a web form for another is refused, so that no page reaches the server through a name that its owner points here.
    public var hostNames: Set<String> = []
    /// The page at a path; nil for none (default: no pages). Pages may call the server that they come from.
    public var page: (@Sendable (_ path: String) -> HTTPPage?)?

    /// The defaults.
    public init() {}

    /// The names of the protocols in metrics, in their order.
    static let names = CallProtocol.allCases.map(\.rawValue)
}

extension WireProtocol {
    /// gRPC, gRPC-Web and Connect over HTTP/2.
    public static func http2(_ options: HTTPOptions = HTTPOptions()) -> WireProtocol {
        WireProtocol(
            names: HTTPOptions.names, applicationProtocol: "h2",
            begins: { bytes in
                // A request of HTTP/1.1 may begin with the same letter; "PRI" is reserved as a method.
                let preface = Array("PRI ".utf8)
                guard bytes.elementsEqual(preface.prefix(bytes.count)) else {
                    return bytes.starts(with: preface)
                }
                return bytes.count < preface.count ? nil : true
            }
        ) { server in
            { HTTP2ServerWire(configuration: server.configuration, options: options) }
        }
    }

    /// gRPC-Web and Connect over HTTP/1.1.
    public static func http1(_ options: HTTPOptions = HTTPOptions()) -> WireProtocol {
        WireProtocol(
            names: HTTPOptions.names, applicationProtocol: "http/1.1",
            begins: { bytes in
                bytes.first.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
            }
        ) { server in
            { HTTP1ServerWire(configuration: server.configuration, options: options) }
        }
    }

    /// gRPC alone.
    public static let grpc: WireProtocol = {
        var options = HTTPOptions()
        options.protocols = [.grpc]
        return .http2(options)
    }()
}

extension CallProtocol {
    /// Its index among the names of the wire protocol.
    var nameIndex: Int {
        switch self {
        case .grpc: 0
        case .grpcWeb: 1
        case .connect: 2
        }
    }
}
