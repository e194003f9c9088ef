// Which requests of browsers are served. A page of any origin can make a browser send requests here, also under a name that the
// page's owner points at this machine (DNS rebinding), so both the origin and the host have to be known.

internal import HTTP
internal import RPC

/// The rules for browsers of one server.
struct BrowserRules {
    let options: HTTPOptions

    /// The fields that the response to an allowed origin has.
    static func fields(for origin: String) -> [HTTPField] {
        [
            HTTPField("access-control-allow-origin", origin), HTTPField("vary", "Origin"),
            HTTPField(
                "access-control-expose-headers",
                "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin, Grpc-Encoding, Connect-Content-Encoding"),
        ]
    }

    /// The answer to a request that may not be served; nil for one that may.
    ///
    /// - Parameter peer: where it comes from. No browser connects to a Unix socket.
    func refusal(of head: HTTPRequestHead, from peer: Peer) -> HTTPAnswer? {
        let form = CallForm(contentType: head.first("content-type") ?? "")
        // No browser sends gRPC: its clients call by names of all kinds.
        if case .tcp = peer.transport, form != .grpc, !isKnown(head.host) {
            return .refused(
                421,
                "this server is not called by that name; name it with --host-name, or call it by its address",
                to: head)
        }
        guard let origin = head.first("origin"), !isAllowed(origin, head) else { return nil }
        return .refused(
            403, "pages of this origin may not call; --allow-origin names those that may", to: head)
    }

    /// Whether pages of an origin may call: those that are named, and those of this server if it has any.
    func isAllowed(_ origin: String, _ head: HTTPRequestHead) -> Bool {
        if options.allowedOrigins.contains(origin) { return true }
        guard options.page != nil, let authority = head.authority else { return false }
        return origin == "http://\(authority)" || origin == "https://\(authority)"
    }

    /// The answer to what a browser asks before it sends a call of another origin; nil for any other request.
    func preflightAnswer(to head: HTTPRequestHead) -> HTTPAnswer? {
        guard head.method == "OPTIONS", let origin = head.first("origin"),
            head.first("access-control-request-method") != nil
        else { return nil }
        var fields = Self.fields(for: origin)
        fields.append(HTTPField("access-control-allow-methods", "POST, GET"))
        if let names = head.first("access-control-request-headers") {
            fields.append(HTTPField("access-control-allow-headers", names))
        }
        fields.append(HTTPField("access-control-max-age", "7200"))
        return HTTPAnswer(204, fields, body: [], to: head)
    }

    /// Whether a host is an address, localhost, or a name that the options have.
    private func isKnown(_ host: String?) -> Bool {
        guard let host else { return false }
        return host == "localhost" || options.hostNames.contains(host) || ClientAddress(literal: host) != nil
    }
}
