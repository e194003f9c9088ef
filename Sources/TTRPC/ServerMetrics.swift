// What a server counts, through swift-metrics. The handles are made once, when the server is; a call is then counted with
// a few atomic additions. Labels are the names of registered methods, codes and reasons: nothing that a peer chooses.

internal import CoreMetrics
internal import NIOCore
internal import Synchronization

/// Why a connection has ended.
enum ConnectionEnding {
    case byPeer
    case failed
    case idle
    case drained
    case gaveUp(LimitedLog.Kind)

    /// Its label in the metrics.
    var label: String {
        switch self {
        case .byPeer: "by_peer"
        case .failed: "failed"
        case .idle: "idle"
        case .drained: "drained"
        case .gaveUp(.notTTRPC): "not_ttrpc"
        case .gaveUp(.notSecured): "not_secured"
        case .gaveUp(.uselessFrames): "useless_frames"
        case .gaveUp: "slow_peer"
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
    /// The calls of each method by code, one method behind the other; last those whose method was never known.
    private let calls: [Counter]
    /// How long they took, by the method's index.
    private let durations: [Timer]
    private let reasons = Mutex<[String: Counter]>([:])

    /// The most reasons that are told apart. They are the names of our own refusals, so there never are so many.
    private static let maximumReasons = 200
    private static let codeCount = StatusCode.allCases.count

    init(methods: MethodTable, prefix: String, factory: any MetricsFactory) {
        func counter(_ name: String, _ labels: [(String, String)] = []) -> Counter {
            Counter(label: "\(prefix)_\(name)_total", dimensions: labels, factory: factory)
        }
        func calls(_ service: String, _ method: String) -> [Counter] {
            StatusCode.allCases.map { code in
                counter("calls", [("service", service), ("method", method), ("code", code.protoName)])
            }
        }
        self.prefix = prefix
        self.factory = factory
        bytesReceived = counter("received_bytes")
        bytesSent = counter("sent_bytes")
        connectionsAccepted = counter("connections_accepted")
        self.methods = methods.inOrder
        self.calls = self.methods.flatMap { calls($0.service, $0.name) } + calls("unknown", "unknown")
        durations = self.methods.map { method in
            Timer(
                label: "\(prefix)_call_duration_seconds",
                dimensions: [("service", method.service), ("method", method.name)], factory: factory)
        }
    }

    /// The full name of a method; of none, for a call that did not come so far.
    func name(of method: Int?) -> String {
        method.map { "\(methods[$0].service)/\(methods[$0].name)" } ?? "unknown"
    }

    func isStream(_ method: Int) -> Bool { !methods[method].isUnary }

    /// A call of a method has ended.
    func callEnded(_ method: Int, _ code: StatusCode, after time: TimeAmount) {
        // The codes are numbered from 0 without gaps.
        calls[method * Self.codeCount + Int(code.rawValue)].increment(by: 1 as Int64)
        durations[method].recordNanoseconds(time.nanoseconds)
    }

    /// A request was refused before it was known which method it is for.
    func callRefused(_ code: StatusCode) {
        calls[methods.count * Self.codeCount + Int(code.rawValue)].increment(by: 1 as Int64)
    }

    /// A call was answered with a failure that has this reason.
    func callFailed(_ reason: String) {
        let counter = reasons.withLock { reasons in
            if let known = reasons[reason] { return known }
            let label = reasons.count < Self.maximumReasons ? reason : "OTHER"
            let counter = Counter(
                label: "\(prefix)_refused_calls_total", dimensions: [("reason", label)], factory: factory)
            if label == reason { reasons[reason] = counter }
            return counter
        }
        counter.increment(by: 1 as Int64)
    }

    func received(_ byteCount: Int) { bytesReceived.increment(by: Int64(byteCount)) }
    func sent(_ byteCount: Int) { bytesSent.increment(by: Int64(byteCount)) }
    func connectionAccepted() { connectionsAccepted.increment(by: 1 as Int64) }

    /// A connection was closed at once, for a reason of few.
    func connectionRefused(_ reason: String) { count("connections_refused", reason) }

    /// A connection has ended.
    func connectionClosed(_ ending: ConnectionEnding) { count("connections_closed", ending.label) }

    /// Counts what happens seldom enough to look its counter up.
    private func count(_ name: String, _ reason: String) {
        Counter(label: "\(prefix)_\(name)_total", dimensions: [("reason", reason)], factory: factory)
            .increment(by: 1 as Int64)
    }
}
