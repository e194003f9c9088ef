// RFC 9113, 8: what makes a request malformed.

import HTTP2
import NIOCore
import Testing

struct MessageRuleTests {
    private static func head(
        _ changes: [(String, String?)] = [], adding extra: [(String, String)] = []
    ) -> [(String, String)] {
        RulesPeer.get.compactMap { name, value in
            guard let change = changes.first(where: { $0.0 == name }) else { return (name, value) }
            return change.1.map { (name, $0) }
        } + extra
    }

    @Test(
        arguments: [
            ("an upper-case name", head(adding: [("X-Test", "a")])),
            ("an unknown pseudo-header field", head(adding: [(":test", "a")])),
            ("one of responses", head(adding: [(":status", "200")])),
            ("one behind a field", [("x", "a")] + RulesPeer.get),
            ("a field of the connection", head(adding: [("connection", "keep-alive")])),
            ("transfer-encoding", head(adding: [("transfer-encoding", "chunked")])),
            ("TE other than trailers", head(adding: [("te", "trailers, deflate")])),
            ("an empty path", head([(":path", "")])), ("no method", head([(":method", nil)])),
            ("no scheme", head([(":scheme", nil)])), ("no path", head([(":path", nil)])),
            ("two methods", [(":method", "GET")] + RulesPeer.get),
            ("two schemes", [(":scheme", "http")] + RulesPeer.get),
            ("two paths", [(":path", "/")] + RulesPeer.get),
            ("a name with a blank", head(adding: [("a b", "c")])),
            ("a value with a line feed", head(adding: [("a", "b\nc")])),
            ("a value with a blank at its end", head(adding: [("a", "b ")])),
            ("two lengths", head(adding: [("content-length", "1"), ("content-length", "2")])),
            ("a length that is no number", head(adding: [("content-length", "+1")])),
            ("a length without a body", head(adding: [("content-length", "1")])),
        ] as [(String, [(String, String)])])
    func `a malformed request is an error of its stream`(_ name: String, _ list: [(String, String)]) {
        let peer = RulesPeer()
        peer.headers(1, list)
        #expect(peer.events == [], "\(name)")
        #expect(peer.hasReset(1, .protocolError), "\(name)")
    }

    @Test func `TE trailers and CONNECT are allowed`() {
        let peer = RulesPeer()
        peer.headers(1, RulesPeer.get + [("te", "trailers")])
        peer.headers(3, [(":method", "CONNECT"), (":authority", "here")])
        #expect(peer.events == ["request 1", "request 3"])
    }

    @Test func `a second HEADERS ends the stream`() {
        let peer = RulesPeer(answering: 1)
        peer.headers(1, RulesPeer.post, .endHeaders)
        peer.frame(.data, 1, [], [1])
        peer.headers(1, [("a", "b")])
        #expect(peer.events == ["request 1", "data 1 1", "end 1"])
        let open = RulesPeer()
        open.headers(1, RulesPeer.post, .endHeaders)
        open.headers(1, [("a", "b")], .endHeaders)
        #expect(open.hasReset(1, .protocolError))
        let pseudo = RulesPeer()
        pseudo.headers(1, RulesPeer.post, .endHeaders)
        pseudo.headers(1, [(":method", "GET")])
        #expect(pseudo.hasReset(1, .protocolError))
    }

    @Test func `a body of another length than announced is an error of its stream`() {
        let list = RulesPeer.post + [("content-length", "2")]
        let short = RulesPeer()
        short.headers(1, list, .endHeaders)
        short.frame(.data, 1, .endStream, [1])
        #expect(short.hasReset(1, .protocolError))
        let long = RulesPeer()
        long.headers(1, list, .endHeaders)
        long.frame(.data, 1, [], [1])
        long.frame(.data, 1, .endStream, [1, 2])
        #expect(long.hasReset(1, .protocolError))
        let right = RulesPeer()
        right.headers(1, list, .endHeaders)
        right.frame(.data, 1, [], [1])
        right.frame(.data, 1, .endStream, [1])
        #expect(right.events == ["request 1", "data 1 1", "data 1 1"])
        let trailers = RulesPeer()
        trailers.headers(1, list, .endHeaders)
        trailers.headers(1, [("a", "b")])
        #expect(trailers.hasReset(1, .protocolError))
    }
}
