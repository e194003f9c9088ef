// The metrics of a server, through swift-metrics. The handles of a method are made at its first call; counting a call then takes a
// few atomic additions. Labels are names of registered methods, codes and reasons, never values chosen by a peer.

internal import CoreMetrics
internal import NIOCore
internal import Synchronization

/// Why a connection has ended.
enum ConnectionEnding {
    case byPeer
    case failed
    case idle
    case drained
    case violation(RateLimitedLogger.Kind)

    /// Its label in the metrics.
    var label: String {
        switch self {
        case .byPeer: "by_peer"
        case .failed: "failed"
        case .idle: "idle"
        case .drained: "drained"
        case .violation(.notTTRPC): "not_ttrpc"
        case .violation(.unknownProtocol): "unknown_protocol"
        case .violation(.notHTTP2): "not_http2"
        case .violation(.protocolError): "protocol_error"
        case .violation(.noProxyHeader): "no_proxy_header"
        case .violation(.notSecured): "not_secured"
        case .violation(.uselessFrames): "useless_frames"
        case .violation: "slow_peer"
        }
    }
}

/// The counters of one server.
final class ServerMetrics: Sendable {
    private let bytesReceived: Counter
    private let bytesSent: Counter
    private let connectionsAccepted: Counter
    private let prefix: String
    private let factory: any MetricsFactory
    /// By the method's index in its table.
    private let methods: [RegisteredMethod]
    /// The counters of their calls, by the index of the protocol and by the method's.
    private let calls: [[MethodMetrics]]
    /// The counters of calls whose method was not found, by the index of the protocol.
    private let unknownCalls: [MethodMetrics]
    private let reasons = Mutex<[String: Counter]>([:])

    /// The maximum number of reasons with a series of their own. All reasons are constants of the code, so there are fewer.
    private static let maximumReasons = 200

    init(router: Router, protocols: [String], prefix: String, factory: any MetricsFactory) {
        func counter(_ name: String) -> Counter {
            Counter(label: "\(prefix)_\(name)_total", factory: factory)
        }
        func calls(_ service: String, _ method: String, _ wire: String) -> MethodMetrics {
            MethodMetrics(
                service: service, method: method, protocolName: wire, prefix: prefix, factory: factory)
        }
        self.prefix = prefix
        self.factory = factory
        bytesReceived = counter("received_bytes")
        bytesSent = counter("sent_bytes")
        connectionsAccepted = counter("connections_accepted")
        self.methods = router.inOrder
        let methods = self.methods
        self.calls = protocols.map { wire in methods.map { calls($0.service, $0.name, wire) } }
        unknownCalls = protocols.map { calls("unknown", "unknown", $0) }
    }

    /// The full name of a method; `unknown` for a call whose method was not found.
    func name(of method: Int?) -> String {
        method.map { "\(methods[$0].service)/\(methods[$0].name)" } ?? "unknown"
    }

    func isStream(_ method: Int) -> Bool { !methods[method].isUnary }

    /// Counts calls of a method that have ended, on connections of one protocol.
    func callsEnded(_ method: Int, _ code: StatusCode, _ count: Int, after time: TimeAmount, on wire: Int) {
        calls[wire][method].count(code, count, after: time)
    }

    /// Counts a request that was rejected before its method was known.
    func callRejected(_ code: StatusCode, on wire: Int) {
        unknownCalls[wire].count(code, 1, after: nil)
    }

    /// Counts a failed call by its reason.
    func callFailed(_ reason: String) {
        let counter = reasons.withLock { reasons in
            if let known = reasons[reason] { return known }
            let label = reasons.count < Self.maximumReasons ? reason : "OTHER"
            let counter = Counter(
                label: "\(prefix)_call_errors_total", dimensions: [("reason", label)], factory: factory)
            if label == reason { reasons[reason] = counter }
            return counter
        }
        counter.increment(by: 1 as Int64)
    }

    func received(_ byteCount: Int) { bytesReceived.increment(by: Int64(byteCount)) }
    func sent(_ byteCount: Int) { bytesSent.increment(by: Int64(byteCount)) }
    func connectionAccepted() { connectionsAccepted.increment(by: 1 as Int64) }

    /// Counts a connection that was closed at once.
    func connectionRefused(_ reason: String) { count("connections_refused", reason) }

    /// Counts an ended connection.
    func connectionClosed(_ ending: ConnectionEnding) { count("connections_closed", ending.label) }

    /// Counts a rare event; the counter is looked up each time.
    private func count(_ name: String, _ reason: String) {
        Counter(label: "\(prefix)_\(name)_total", dimensions: [("reason", reason)], factory: factory)
            .increment(by: 1 as Int64)
    }
}
