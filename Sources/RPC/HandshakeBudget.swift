// How many handshakes each address may start. A handshake costs the server a millisecond of its event loop or more, and a
// peer that does not finish it next to nothing, so connections alone do not bound what one address can cost.

internal import NIOCore
internal import Synchronization

/// Counts the handshakes of each address in windows of time.
final class HandshakeBudget: Sendable {
    private struct State {
        var windowEnd = NIODeadline.uptimeNanoseconds(0)
        /// As large as the number of connections accepted in a window; empty at its beginning.
        var counts: [ClientAddress: Int] = [:]
    }

    private let limit: Int
    private let window: TimeAmount
    private let state = Mutex(State())

    init(limit: Int, window: TimeAmount) {
        self.limit = limit
        self.window = window
    }

    /// Counts a handshake of an address; false if its network has had as many as it may have in this window.
    func admits(_ address: ClientAddress, now: NIODeadline = .now()) -> Bool {
        let network = address.network
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
}
