// State shared by the connections of one server: router, limits, counters.

internal import CoreMetrics
internal import Logging
package import NIOCore
internal import Synchronization

/// The immutable part of a server, and its count of calls.
package final class ServerShared: Sendable {
    package let router: Router
    package let configuration: ServerConfiguration
    let logger: Logger
    let rateLimitedLogger: RateLimitedLogger
    let metrics: ServerMetrics
    /// Whether every call is logged.
    let logsCalls: Bool
    /// Makes the request ids of this process differ from those of earlier ones.
    let number = UInt32.random(in: .min ... .max)
    let connectionTimes: ConnectionTimeouts.Times
    package let load: ServerLoad
    let drainTime: TimeAmount
    let lingerTime: TimeAmount
    let handshakeTime: TimeAmount
    let handshakes: HandshakeBudget
    let maximumTimeout: TimeAmount
    let defaultTimeout: TimeAmount
    let slowStreamGrace: TimeAmount
    /// The most frequent rejections of an overloaded server. They are made once, since making one costs more than the rest of
    /// rejecting a call.
    package let frequentRejections: [RejectionStatus]

    init(
        router: Router, configuration: ServerConfiguration, logger: Logger,
        metrics factory: any MetricsFactory
    ) {
        self.router = router
        self.configuration = configuration
        self.logger = logger
        rateLimitedLogger = RateLimitedLogger(logger)
        metrics = ServerMetrics(router: router, prefix: configuration.metricsPrefix, factory: factory)
        logsCalls = logger.logLevel <= .debug
        connectionTimes = ConnectionTimeouts.Times(configuration)
        load = ServerLoad(limit: configuration.maximumCalls)
        drainTime = TimeAmount(bounded: configuration.drainTime)
        lingerTime = TimeAmount(bounded: configuration.lingerTime)
        handshakeTime = TimeAmount(bounded: configuration.handshakeTime)
        handshakes = HandshakeBudget(
            limit: configuration.maximumHandshakesPerAddress,
            window: TimeAmount(bounded: configuration.handshakeWindow))
        maximumTimeout = TimeAmount(bounded: configuration.maximumTimeout)
        defaultTimeout = min(TimeAmount(bounded: configuration.defaultTimeout), maximumTimeout)
        slowStreamGrace = TimeAmount(bounded: configuration.slowStreamGrace)
        let frequent: [Rejection] = [
            .overloaded,
            .tooManyCallsOnConnection(limit: configuration.maximumCallsPerConnection),
            .tooManyBytesOnConnection(limit: configuration.maximumBytesInFlightPerConnection),
            .tooManyCalls(limit: configuration.maximumCalls),
        ]
        frequentRejections = frequent.enumerated().map {
            RejectionStatus($1, domain: configuration.errorDomain, frequentIndex: $0)
        }
    }

    /// The status of a rejection.
    package func status(of rejection: Rejection) -> RejectionStatus {
        frequentRejections.first { $0.rejection == rejection }
            ?? RejectionStatus(rejection, domain: configuration.errorDomain)
    }
}

/// Counts the calls with pending operations. Calls that are answered at once are never counted, so each event loop can exceed the
/// limit by one call.
package final class ServerLoad: Sendable {
    private let limit: Int
    private let calls = Atomic<Int>(0)
    private let streams = Atomic<Int>(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// The limit if it is reached.
    package var limitIfReached: Int? { calls.load(ordering: .relaxed) >= limit ? limit : nil }

    var callCount: Int { calls.load(ordering: .relaxed) }
    var streamCount: Int { streams.load(ordering: .relaxed) }

    func callStarted(isStream: Bool) {
        calls.wrappingAdd(1, ordering: .relaxed)
        if isStream { streams.wrappingAdd(1, ordering: .relaxed) }
    }

    func callEnded(isStream: Bool) {
        calls.wrappingSubtract(1, ordering: .relaxed)
        if isStream { streams.wrappingSubtract(1, ordering: .relaxed) }
    }
}

extension TimeAmount {
    /// The duration, clamped to 0 and ten years, so that adding it to a time cannot overflow.
    package init(bounded duration: Duration) {
        self = .nanoseconds(TimeAmount(min(max(duration, .zero), .seconds(10 * 365 * 86_400))).nanoseconds)
    }
}
