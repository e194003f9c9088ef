// State shared by the connections of one server: router, limits, counters.

internal import CoreMetrics
internal import Logging
package import NIOCore

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
    let budgets: CallBudgets
    let drainTime: TimeAmount
    let lingerTime: TimeAmount
    /// How long a peer may say nothing.
    let idleTime: TimeAmount
    let handshakeTime: TimeAmount
    let handshakes: HandshakeBudget
    let maximumTimeout: TimeAmount
    let defaultTimeout: TimeAmount
    let slowStreamGrace: TimeAmount
    /// The most frequent rejections of an overloaded server. They are made once, since making one costs more than the rest of
    /// rejecting a call.
    package let frequentRejections: [RejectionStatus]

    init(
        router: Router, protocols: [String], configuration: ServerConfiguration, logger: Logger,
        metrics factory: any MetricsFactory
    ) {
        self.router = router
        self.configuration = configuration
        self.logger = logger
        rateLimitedLogger = RateLimitedLogger(logger)
        metrics = ServerMetrics(
            router: router, protocols: protocols, prefix: configuration.metricsPrefix, factory: factory)
        logsCalls = logger.logLevel <= .debug
        connectionTimes = ConnectionTimeouts.Times(configuration)
        budgets = CallBudgets(configuration)
        drainTime = TimeAmount(bounded: configuration.drainTime)
        lingerTime = TimeAmount(bounded: configuration.lingerTime)
        idleTime = TimeAmount(bounded: configuration.idleTime)
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
            .tooManyStreams(limit: configuration.maximumStreams),
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

/// The places of calls and of streams that have pending operations. Calls that are answered at once take none.
package struct CallBudgets: Sendable {
    package let calls: ShareBudget
    package let streams: ShareBudget

    package init(_ configuration: ServerConfiguration) {
        calls = ShareBudget(limit: configuration.maximumCalls)
        streams = ShareBudget(limit: configuration.maximumStreams)
    }

    @inline(__always)
    func budget(ofStreams isStream: Bool) -> ShareBudget { isStream ? streams : calls }
}

extension TimeAmount {
    /// The duration, clamped to 0 and ten years, so that adding it to a time cannot overflow.
    package init(bounded duration: Duration) {
        self = .nanoseconds(TimeAmount(min(max(duration, .zero), .seconds(10 * 365 * 86_400))).nanoseconds)
    }
}
