// What the connections of one server have in common: what they serve, their limits, and how busy the server is.

internal import CoreMetrics
internal import Logging
package import NIOCore
internal import Synchronization

/// The unchanging part of a server, and its count of calls.
package final class ServerShared: Sendable {
    package let router: Router
    package let configuration: ServerConfiguration
    let logger: Logger
    let rateLimitedLogger: RateLimitedLogger
    let metrics: ServerMetrics
    /// Whether every call gets a line in the log.
    let logsCalls: Bool
    /// Tells the request ids of this server from those of the one before it.
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
    /// The rejections that an overloaded server sends most. They are made once, since making one takes longer than the rest
    /// of rejecting a call.
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

    /// What a rejected call is answered with.
    package func status(of rejection: Rejection) -> RejectionStatus {
        frequentRejections.first { $0.rejection == rejection }
            ?? RejectionStatus(rejection, domain: configuration.errorDomain)
    }
}

/// Counts the calls that have pending operations. Calls that are answered at once are never counted, so the limit can be
/// exceeded by one call for each event loop.
package final class ServerLoad: Sendable {
    private let limit: Int
    private let calls = Atomic<Int>(0)
    private let streams = Atomic<Int>(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// The limit if there is no room for another call.
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
    /// A duration of at least 0 and at most ten years, so that adding it to a time cannot overflow.
    package init(bounded duration: Duration) {
        self = .nanoseconds(TimeAmount(min(max(duration, .zero), .seconds(10 * 365 * 86_400))).nanoseconds)
    }
}
