// A client of HTTP/1.1 on an in-process connection: it sends text and sees the text that comes back. All on one thread, with the event
// loop and its clock moved by hand.

import GRPC
import Logging
import NIOCore
import NIOEmbedded
import ProtobufC
import RPCMessages
import TTRPC
import TestMessages
import TestRPC

@testable import RPC

final class HTTP1Peer {
    static let tcp = SocketAddress.loopback

    let loop = EmbeddedEventLoop()
    let channel: EmbeddedChannel
    let gates = Gates()
    let server: Server
    /// All that came back and was not taken.
    private(set) var received = ""
    var isOpen: Bool { channel.isActive }

    init(
        _ options: HTTPOptions = HTTPOptions(), _ configuration: ServerConfiguration = ServerConfiguration(),
        from address: SocketAddress? = HTTP1Peer.tcp
    ) throws {
        var methods = Router()
        HealthService().register(in: &methods)
        TestServer.register(in: &methods, gates)
        TestServer.registerFourKinds(in: &methods, gates)
        server = Server(
            router: methods, protocols: [.ttrpc, .http2(options), .http1(options)],
            configuration: configuration,
            group: loop, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        channel = EmbeddedChannel(loop: loop)
        // The server asks for the address when it begins to serve.
        try channel.connect(to: try address ?? SocketAddress(unixDomainSocketPath: "/test")).wait()
        try server.serve(channel).wait()
        try run()
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        try run()
    }

    func run() throws {
        for _ in 0..<20 { loop.run() }
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { received += String(buffer: bytes) }
    }

    func advance(by time: TimeAmount) throws {
        loop.advanceTime(by: time)
        try run()
    }

    /// Sends a request, and takes the answer.
    func ask(
        _ method: String = "POST", _ path: String, _ fields: [String] = [], _ body: [UInt8] = []
    ) throws -> HTTP1Answer {
        let hasHost = fields.contains { $0.lowercased().hasPrefix("host:") }
        let all =
            (hasHost ? [] : ["Host: localhost"]) + fields
            + (method == "POST" ? ["Content-Length: \(body.count)"] : [])
        try send(Array("\(method) \(path) HTTP/1.1\r\n\(all.joined(separator: "\r\n"))\r\n\r\n".utf8) + body)
        return take()
    }

    /// Calls with JSON.
    func call(_ path: String, _ json: String, _ fields: [String] = []) throws -> HTTP1Answer {
        try ask("POST", path, ["Content-Type: application/json"] + fields, Array(json.utf8))
    }

    /// Takes all that came back as one answer.
    func take() -> HTTP1Answer {
        defer { received = "" }
        return HTTP1Answer(received)
    }
}

/// An answer as text.
struct HTTP1Answer {
    let status: Int
    let fields: [String: String]
    let body: String

    init(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "\r"), omittingEmptySubsequences: false)
        let end = parts.dropFirst().firstIndex { $0.elementsEqual("\n".utf8) } ?? parts.endIndex
        status =
            parts.first.flatMap { $0.split(separator: UInt8(ascii: " ")).dropFirst().first }
            .flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
        var fields: [String: String] = [:]
        for line in parts[..<min(end, parts.endIndex)].dropFirst() {
            let text = String(decoding: line.dropFirst(), as: UTF8.self)
            guard let colon = text.firstIndex(of: ":") else { continue }
            fields[String(text[..<colon])] = String(text[colon...].dropFirst(2))
        }
        self.fields = fields
        body =
            end < parts.endIndex
            ? String(
                decoding: Array(parts[(end + 1)...].joined(separator: [UInt8(ascii: "\r")])).dropFirst(),
                as: UTF8.self)
            : ""
    }
}

extension SocketAddress {
    fileprivate static let loopback = try? SocketAddress(ipAddress: "127.0.0.1", port: 40_000)
}
