// Limits log lines that peers can cause at will. Each kind is written a few times per window and then only counted, so that nobody
// can fill a disk or bury other lines; the next line contains the count.

package import Logging
package import NIOCore
internal import Synchronization

/// Logs mistakes of peers, a limited number of lines per window.
package final class RateLimitedLogger: Sendable {
    /// The kinds of lines, each with a limit of its own.
    package enum Kind: String, CaseIterable {
        case notTTRPC = "bytes that are not ttrpc; closing"
        case unknownProtocol = "bytes of no protocol that is served; closing"
        case notHTTP2 = "bytes that are not HTTP/2; closing"
        case protocolError = "an error of the protocol; closing"
        case uselessFrames = "too many frames of no use; closing"
        case slowPeer = "a peer that takes too long; closing"
        case tooManyConnections = "no room for another connection; closing"
        case tooManyHandshakes = "too many handshakes of one address; closing"
        case noProxyHeader = "no PROXY header from a load balancer that has to send one; closing"
        case notSecured = "no secure connection; closing"
        case forbiddenUser = "a user that may not connect; closing"
        case failedCall = "a call was refused"
    }

    private struct Window {
        var end = NIODeadline.uptimeNanoseconds(0)
        var written = 0
        var suppressed = 0
    }

    /// The lines of one kind in a window.
    static let linesPerWindow = 5
    /// The length of a window.
    static let windowTime = TimeAmount.seconds(10)

    private let logger: Logger
    private let windows = Mutex<[Kind: Window]>([:])

    package init(_ logger: Logger) {
        self.logger = logger
    }

    /// Writes a line, unless the limit of its kind is reached.
    package func notice(
        _ kind: Kind, _ metadata: @autoclosure () -> Logger.Metadata, at level: Logger.Level = .notice,
        now: NIODeadline = .now()
    ) {
        guard logger.logLevel <= level, let suppressed = count(kind, now) else { return }
        var metadata = metadata()
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        logger.log(level: level, "\(kind.rawValue)", metadata: metadata)
    }

    /// Counts a line; returns how many were suppressed before it, or nil to suppress it too.
    private func count(_ kind: Kind, _ now: NIODeadline) -> Int? {
        windows.withLock { windows in
            var window = windows[kind] ?? Window()
            defer { windows[kind] = window }
            if now >= window.end {
                window.end = now + Self.windowTime
                window.written = 0
            }
            guard window.written < Self.linesPerWindow else {
                window.suppressed += 1
                return nil
            }
            window.written += 1
            defer { window.suppressed = 0 }
            return window.suppressed
        }
    }
}
