// Which requests of browsers are served.

import NIOCore
import TestRPC
import Testing

@testable import GRPC
@testable import RPC

struct BrowserTests {
    private let check = "/grpc.health.v1.Health/Check"

    @Test(arguments: [
        ("localhost", 200), ("localhost:7411", 200), ("127.0.0.1:7411", 200), ("[::1]:7411", 200),
        ("LOCALHOST", 200),
        ("clinic.example.org:7411", 200), ("evil.example.org", 421), ("127.0.0.1.example.org", 421),
        ("", 421),
    ])
    func `over TCP the host is an address or a name that is known`(_ host: String, _ status: Int) throws {
        var options = HTTPOptions()
        options.hostNames = ["clinic.example.org"]
        let answer = try HTTP1Peer(options).call(check, "{}", ["Host: \(host)"])
        #expect(answer.status == status, "\(host)")
    }

    @Test func `on a Unix socket, where no browser is, the host may be any`() throws {
        #expect(try HTTP1Peer(from: nil).call(check, "{}", ["Host: clinic"]).status == 200)
    }

    @Test(arguments: [
        ("https://app.example.org", 200), ("https://evil.example.org", 403), ("null", 403),
        ("http://localhost", 403),
    ])
    func `a page may call if its origin is named`(_ origin: String, _ status: Int) throws {
        var options = HTTPOptions()
        options.allowedOrigins = ["https://app.example.org"]
        let answer = try HTTP1Peer(options).call(check, "{}", ["Origin: \(origin)"])
        #expect(answer.status == status)
        #expect(answer.fields["access-control-allow-origin"] == (status == 200 ? origin : nil))
    }

    @Test func `a browser is told what a page may send`() throws {
        var options = HTTPOptions()
        options.allowedOrigins = ["https://app.example.org"]
        let peer = try HTTP1Peer(options)
        let fields = ["Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"]
        let answer = try peer.ask("OPTIONS", check, ["Origin: https://app.example.org"] + fields)
        #expect(answer.status == 204)
        #expect(answer.fields["access-control-allow-headers"] == "authorization")
        #expect(answer.fields["access-control-allow-methods"] == "POST, GET")
        #expect(try peer.ask("OPTIONS", check, ["Origin: https://evil.example.org"] + fields).status == 403)
        #expect(try peer.call(check, "{}").status == 200)
    }

    @Test func `pages are served where there are some, and may call from where they are`() throws {
        var options = HTTPOptions()
        #expect(try HTTP1Peer(options).ask("GET", "/").status == 405)
        options.page = { path in
            path == "/"
                ? HTTPPage(
                    contentType: "text/html", securityPolicy: "default-src 'none'", body: Array("hi".utf8))
                : nil
        }
        let peer = try HTTP1Peer(options)
        let page = try peer.ask("GET", "/?x")
        #expect(page.status == 200 && page.body == "hi")
        #expect(page.fields["content-security-policy"] == "default-src 'none'")
        #expect(try peer.ask("HEAD", "/").body == "")
        #expect(try peer.call(check, "{}", ["Origin: http://localhost"]).status == 200)
        #expect(try peer.call(check, "{}", ["Origin: http://localhost:1"]).status == 403)
    }

    @Test func `only the forms that are chosen are served`() throws {
        var options = HTTPOptions()
        options.protocols = [.grpcWeb]
        let peer = try HTTP1Peer(options)
        #expect(try peer.call(check, "{}").status == 415)
        #expect(
            try peer.ask("POST", check, ["Content-Type: application/grpc-web"], GRPCPeer.prefixed([])).status
                == 200)
    }
}
