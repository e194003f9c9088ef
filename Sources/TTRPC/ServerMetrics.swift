// What a server counts, through swift-metrics. The handles are made once, when the server is; a call is then counted with
// a few atomic additions. Labels are the names of registered methods, codes and reasons: nothing that a peer chooses.

internal import CoreMetrics
internal import NIOCore
internal import Synchronization

/// The counters of one server.
final class ServerMetrics: Sendable {
    /// What is counted for one method: its calls by code, and how long they took.
    private struct MethodMetrics {
        let service: String
        let name: String
        let isStream: Bool
        let calls: [Counter]
        let duration: Timer
    }

    let bytesReceived: Counter
    let bytesSent: Counter
    let connectionsAccepted: Counter
    let connectionsRefused: Counter

    private let prefix: String
    private let factory: any MetricsFactory
    /// By the method's index in its table.
    private let methods: [MethodMetrics]
    /// Calls that ended before their method was known, by code.
    private let unknown: [Counter]
    private let reasons = Mutex<[String: Counter]>([:])

    /// The most reasons that are told apart. They are the names of our own refusals, so there never are so many.
    private static let maximumReasons = 200

    init(methods: MethodTable, prefix: String, factory: any MetricsFactory) {
        func counter(_ name: String, _ labels: [(String, String)] = []) -> Counter {
            Counter(label: "\(prefix)_\(name)_total", dimensions: labels, factory: factory)
        }
        func calls(_ service: String, _ method: String) -> [Counter] {
            (0...Self.highestCode).map { code in
                let name = StatusCode(rawValue: code)?.protoName ?? StatusCode.unknown.protoName
                return counter("calls", [("service", service), ("method", method), ("code", name)])
            }
        }
        self.prefix = prefix
        self.factory = factory
        bytesReceived = counter("received_bytes")
        bytesSent = counter("sent_bytes")
        connectionsAccepted = counter("connections_accepted")
        connectionsRefused = counter("connections_refused")
        unknown = calls("unknown", "unknown")
        self.methods = methods.inOrder.map { method in
            MethodMetrics(
                service: method.service, name: method.name, isStream: method.isStream,
                calls: calls(method.service, method.name),
                duration: Timer(
                    label: "\(prefix)_call_duration_seconds",
                    dimensions: [("service", method.service), ("method", method.name)], factory: factory))
        }
    }

    /// The full name of a method; of none, for a call that did not come so far.
    func name(of method: Int?) -> String {
        method.map { "\(methods[$0].service)/\(methods[$0].name)" } ?? "unknown"
    }

    func isStream(_ method: Int) -> Bool { methods[method].isStream }

    /// A call of a method has ended.
    func callEnded(_ method: Int, _ code: StatusCode, after time: TimeAmount) {
        methods[method].calls[Int(code.rawValue)].increment(by: 1 as Int64)
        methods[method].duration.recordNanoseconds(time.nanoseconds)
    }

    /// A request was refused before it was known which method it is for.
    func callRefused(_ code: StatusCode) {
        unknown[Int(code.rawValue)].increment(by: 1 as Int64)
    }

    /// A call was answered with a failure that has this reason.
    func failed(_ reason: String) {
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

    /// A connection is closed, for a reason in a word or two.
    func connectionClosed(_ reason: String) {
        Counter(
            label: "\(prefix)_connections_closed_total", dimensions: [("reason", reason)], factory: factory
        ).increment(by: 1 as Int64)
    }

    private static let highestCode: Int32 = 16
}
