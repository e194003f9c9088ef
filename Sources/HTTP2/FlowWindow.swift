// Flow control (RFC 9113, 5.2 and 6.9). What may be sent is a number that the peer increases. What may be received is announced again
// when half of it was taken, so that an upload costs one WINDOW_UPDATE for many DATA frames.

/// The bytes of DATA that may be sent, on a stream or on the connection. Negative when the peer has made its windows smaller.
package struct SendWindow: Equatable {
    package private(set) var available: Int

    init(_ available: Int) { self.available = available }

    /// Adds to the window; false if it becomes larger than the protocol allows.
    mutating func grow(by increment: Int) -> Bool {
        let (sum, overflow) = available.addingReportingOverflow(increment)
        guard !overflow, sum <= HTTP2Limits.maximumWindow else { return false }
        available = sum
        return true
    }

    mutating func sent(_ count: Int) { available -= count }
}

/// The bytes of DATA that the peer may send, on a stream or on the connection.
package struct ReceiveWindow: Equatable {
    private let size: Int
    /// What the peer may still send.
    package private(set) var available: Int
    /// What was taken and not announced again.
    private var taken = 0

    init(size: Int) {
        self.size = size
        available = size
    }

    /// Counts a DATA frame; false if the peer had no room for it.
    mutating func receive(_ count: Int) -> Bool {
        guard count <= available else { return false }
        available -= count
        return true
    }

    /// Bytes were taken out of the stream; returns the increment to announce, if it is worth a frame.
    mutating func take(_ count: Int) -> Int? {
        taken += count
        guard taken >= size / 2 else { return nil }
        defer { taken = 0 }
        available += taken
        return taken
    }
}
