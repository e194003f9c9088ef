// How many handshakes each address may start. A handshake costs the server a millisecond of its event loop or more, and a
// peer that does not finish it next to nothing, so connections alone do not bound what one address can cost.

internal import Glibc
internal import NIOCore
internal import Synchronization

/// Counts the handshakes of each address in windows of time.
final class HandshakeBudget: Sendable {
    private struct State {
        var windowEnd = NIODeadline.uptimeNanoseconds(0)
        /// As large as the number of connections accepted in a window; empty at its beginning.
        var counts: [String: Int] = [:]
    }

    private let limit: Int
    private let window: TimeAmount
    private let state = Mutex(State())

    init(limit: Int, window: TimeAmount) {
        self.limit = limit
        self.window = window
    }

    /// Counts a handshake of a host; false if it has had as many as it may have in this window.
    func admits(_ host: String, now: NIODeadline = .now()) -> Bool {
        let network = Self.network(of: host)
        return state.withLock { state in
            if now >= state.windowEnd {
                state.windowEnd = now + window
                state.counts = [:]
            }
            let count = state.counts[network, default: 0]
            guard count < limit else { return false }
            state.counts[network] = count + 1
            return true
        }
    }

    /// An IPv4 address itself, and the /64 of an IPv6 address, since whoever has one mostly has all of it.
    static func network(of host: String) -> String {
        var address = in6_addr()
        guard !host.hasPrefix("::ffff:"), inet_pton(AF_INET6, host, &address) == 1 else { return host }
        return withUnsafeBytes(of: &address) { bytes in
            bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":")
        }
    }
}
