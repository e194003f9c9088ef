// A request over HTTP as the bytes it is, because half of these requests are wrong on purpose.

import Foundation

/// A TCP connection to a port of this machine.
final class RawConnection {
    private let descriptor: Int32
    private var received: [UInt8] = []

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { throw POSIXError(.ECONNREFUSED) }
    }

    deinit { close(descriptor) }

    /// Sends as much as is taken; false when nothing is any more.
    @discardableResult
    func send(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// All that comes until the other side ends it; nil when that does not happen in time.
    func receiveToEnd(within limit: Duration = .seconds(20)) async throws -> String? {
        let end = ContinuousClock.now + limit
        while true {
            if takeAll() { return String(decoding: received, as: UTF8.self) }
            guard ContinuousClock.now < end else { return nil }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Takes what is there; whether that was the end.
    private func takeAll() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EAGAIN { return false }
            guard count > 0 else { return true }
            received += buffer[..<count]
        }
    }
}

/// What a web server answered.
struct WebAnswer {
    let status: Int
    let head: String
    let body: String

    /// Asks for a page and reads the answer to the end of the connection.
    static func get(_ path: String, port: Int) async throws -> WebAnswer {
        try await to("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n", port: port)
    }

    /// Sends these bytes and reads the answer.
    static func to(_ request: String, port: Int) async throws -> WebAnswer {
        let connection = try RawConnection(port: port)
        connection.send(request)
        guard let text = try await connection.receiveToEnd() else {
            throw Program.Missing(description: "no end of the answer")
        }
        return try WebAnswer(text)
    }

    init(_ text: String) throws {
        guard let match = text.firstMatch(of: #/^HTTP/1\.1 ([0-9]{3}) /#), let status = Int(match.1),
            let end = text.firstRange(of: "\r\n\r\n")
        else { throw Program.Missing(description: "no answer: \(text)") }
        self.status = status
        head = text[..<end.lowerBound].lowercased()
        body = String(text[end.upperBound...])
    }
}
