// A proxy between a service and its PostgreSQL that cuts the line at a chosen byte or message: what a failing network
// does at the worst moment, when a commit has been asked for and nobody has heard of it.
//
// It knows no more of the protocol than where a message of the server ends: a type byte and a length.

import Foundation
import Synchronization

/// Forwards connections to a PostgreSQL on a Unix socket, and cuts one when it is told to.
public final class CuttingProxy: Sendable {
    /// Where to cut, counted from the request that a marker is seen in.
    public enum Cut: Sendable, Hashable {
        /// After so many bytes of the request.
        case requestBytes(Int)
        /// After so many whole messages of its answer; the request arrives whole.
        case answerMessages(Int)
        /// After so many bytes of its answer.
        case answerBytes(Int)
    }

    private struct State {
        var armed: (cut: Cut, marker: [UInt8])?
        var cuts = 0
        var refusesConnections = false
        var leavesServerWaiting = false
        var connections: [Int32: Int32] = [:]
    }

    /// The URL that leads through the proxy.
    public let url: String

    private let listener: Int32
    private let target: String
    private let state = Mutex(State())

    /// Listens in front of the server of a `TestCluster` URL.
    public init(to url: String) throws {
        guard var parts = URLComponents(string: url),
            let host = parts.queryItems?.first(where: { $0.name == "host" })?.value,
            let port = parts.queryItems?.first(where: { $0.name == "port" })?.value
        else { throw CocoaError(.fileReadUnknown) }
        let directory = try TestCluster.makeDirectory()
        let file = "/.s.PGSQL.\(port)"
        parts.queryItems = parts.queryItems?.map {
            $0.name == "host" ? URLQueryItem(name: "host", value: directory) : $0
        }
        self.url = parts.string ?? url
        target = host + file
        listener = try Self.socket(at: directory + file) { socket, address, length in
            bind(socket, address, length) == 0 && listen(socket, 64) == 0
        }
        Thread.detachNewThread { [self] in accept() }
    }

    /// Cuts the connection on which the marker is sent next.
    public func cut(_ cut: Cut, whenSeen marker: String) {
        state.withLock { $0.armed = (cut, Array(marker.utf8)) }
    }

    /// Forgets a cut that was not made.
    public func disarm() { state.withLock { $0.armed = nil } }

    /// How many cuts were made.
    public var cuts: Int { state.withLock { $0.cuts } }

    /// While true, a new connection is closed at once.
    public var refusesConnections: Bool {
        get { state.withLock { $0.refusesConnections } }
        set { state.withLock { $0.refusesConnections = newValue } }
    }

    /// While true, a cut ends the connection of the service alone: PostgreSQL goes on as if nothing had happened, as behind
    /// a network that drops every packet.
    public var leavesServerWaiting: Bool {
        get { state.withLock { $0.leavesServerWaiting } }
        set { state.withLock { $0.leavesServerWaiting = newValue } }
    }

    /// Ends everything.
    public func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        let connections = state.withLock { $0.connections }
        for (client, server) in connections {
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(server, Int32(SHUT_RDWR))
        }
    }

    // MARK: -

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            guard !refusesConnections,
                let server = try? Self.socket(
                    at: target, opening: { connect($0, $1, $2) == 0 })
            else {
                close(client)
                continue
            }
            state.withLock { $0.connections[client] = server }
            Thread.detachNewThread { [self] in
                forward(client, server)
                if leavesServerWaiting {
                    shutdown(client, Int32(SHUT_RDWR))
                    drain(server)
                }
                _ = state.withLock { $0.connections.removeValue(forKey: client) }
                close(client)
                close(server)
            }
        }
        close(listener)
    }

    /// Forwards both ways until one side ends or the cut is made.
    private func forward(_ client: Int32, _ server: Int32) {
        var cut: Cut?
        var answer = AnswerCounter()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            var descriptors = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&descriptors, 2, -1) > 0 else { return }
            if descriptors[0].revents != 0 {
                let count = read(client, &buffer, buffer.count)
                guard count > 0 else { return }
                let bytes = buffer[..<count]
                if cut == nil { cut = takeCut(ifSeenIn: bytes) }
                if case .requestBytes(let limit) = cut {
                    send(bytes.prefix(limit), server)
                    return noteCut()
                }
                guard send(bytes, server) else { return }
                if case .answerMessages(0) = cut { return noteCut() }
                if case .answerBytes(0) = cut { return noteCut() }
            }
            if descriptors[1].revents != 0 {
                let count = read(server, &buffer, buffer.count)
                guard count > 0 else { return }
                let bytes = buffer[..<count]
                switch cut {
                case nil, .requestBytes:
                    guard send(bytes, client) else { return }
                case .answerBytes(let limit):
                    let rest = max(0, limit - answer.bytes)
                    answer.read(bytes, messages: .max)
                    send(bytes.prefix(rest), client)
                    if answer.bytes >= limit { return noteCut() }
                case .answerMessages(let limit):
                    let kept = answer.read(bytes, messages: limit)
                    send(bytes.prefix(kept), client)
                    if answer.messages >= limit { return noteCut() }
                }
            }
        }
    }

    /// Reads what the server still sends, until it ends the connection or `stop` does.
    private func drain(_ server: Int32) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while read(server, &buffer, buffer.count) > 0 {}
    }

    private func takeCut(ifSeenIn bytes: ArraySlice<UInt8>) -> Cut? {
        state.withLock { state in
            guard let armed = state.armed, bytes.firstRange(of: armed.marker) != nil else { return nil }
            state.armed = nil
            return armed.cut
        }
    }

    private func noteCut() { state.withLock { $0.cuts += 1 } }

    @discardableResult
    private func send(_ bytes: ArraySlice<UInt8>, _ socket: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func socket(
        at path: String, opening: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Bool
    ) throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { throw CocoaError(.fileWriteInvalidFileName) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let isOpen = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                opening(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard socket >= 0, isOpen else {
            close(socket)
            throw CocoaError(.fileReadUnknown)
        }
        return socket
    }
}

/// Counts the messages in a stream of the server.
private struct AnswerCounter {
    private(set) var messages = 0
    private(set) var bytes = 0
    private var header: [UInt8] = []
    private var left = 0

    /// Reads bytes and answers how many of them belong to the first `limit` messages.
    @discardableResult
    mutating func read(_ chunk: ArraySlice<UInt8>, messages limit: Int) -> Int {
        for (offset, byte) in chunk.enumerated() {
            guard messages < limit else { return offset }
            bytes += 1
            if left > 0 {
                left -= 1
            } else {
                header.append(byte)
                guard header.count == 5 else { continue }
                // The length counts itself, not the type byte.
                left = header.dropFirst().reduce(0) { $0 << 8 | Int($1) } - 4
                header = []
            }
            if left == 0, header.isEmpty { messages += 1 }
        }
        return chunk.count
    }
}
