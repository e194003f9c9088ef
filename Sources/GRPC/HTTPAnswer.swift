// Answers of HTTP to requests that are no calls: refusals, pages, and the questions that browsers ask before a call.

internal import HTTP

/// The answer to a request that is no call.
struct HTTPAnswer: Equatable {
    let head: HTTPResponseHead
    let body: [UInt8]

    /// - Parameter request: decides whether the answer has a body.
    init(_ status: Int, _ fields: [HTTPField] = [], body: [UInt8], to request: HTTPRequestHead) {
        head = HTTPResponseHead(status, fields + [HTTPField("cache-control", "no-store")])
        self.body = request.method == "HEAD" ? [] : body
    }

    /// A page.
    init(_ page: HTTPPage, to request: HTTPRequestHead) {
        self.init(
            200,
            [
                HTTPField("content-type", page.contentType),
                HTTPField("content-security-policy", page.securityPolicy),
                HTTPField("x-content-type-options", "nosniff"), HTTPField("referrer-policy", "no-referrer"),
                HTTPField("cross-origin-opener-policy", "same-origin"),
            ], body: page.body, to: request)
    }

    /// A refusal with one line for a person.
    static func refused(
        _ status: Int, _ text: String, _ fields: [HTTPField] = [], to request: HTTPRequestHead
    ) -> HTTPAnswer {
        HTTPAnswer(
            status, fields + [HTTPField("content-type", "text/plain; charset=utf-8")],
            body: Array("\(text)\n".utf8),
            to: request)
    }

    static func methodNotAllowed(_ allowed: String, to request: HTTPRequestHead) -> HTTPAnswer {
        refused(405, "calls are \(allowed) requests", [HTTPField("allow", allowed)], to: request)
    }

    static func unsupportedMediaType(_ served: Set<CallProtocol>, to request: HTTPRequestHead) -> HTTPAnswer {
        var types: [String] = []
        if served.contains(.grpc) { types += ["application/grpc"] }
        if served.contains(.grpcWeb) { types += ["application/grpc-web+proto", "application/grpc-web-text"] }
        if served.contains(.connect) {
            types += [
                "application/json", "application/proto", "application/connect+json",
                "application/connect+proto",
            ]
        }
        let list = types.joined(separator: ", ")
        return refused(
            415,
            "the content-type of a call is one of \(list); one with a stream has a type with connect or grpc",
            [HTTPField("accept-post", list)], to: request)
    }
}
