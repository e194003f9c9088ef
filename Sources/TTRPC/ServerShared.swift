// What the connections of one server have in common: what they serve, their limits, and how busy the server is.

internal import CoreMetrics
internal import Logging
internal import NIOCore
internal import Synchronization

/// The unchanging part of a server, and its count of calls.
final class ServerShared: Sendable {
    let methods: MethodTable
    let configuration: ServerConfiguration
    let logger: Logger
    let limitedLog: LimitedLog
    let metrics: ServerMetrics
    /// Whether every call gets a line in the log.
    let logsCalls: Bool
    /// Tells the request ids of this server from those of the one before it.
    let number = UInt32.random(in: .min ... .max)
    let patience: PeerPatience.Times
    let load: ServerLoad
    let drainTime: TimeAmount
    let lingerTime: TimeAmount
    let handshakeTime: TimeAmount
    let maximumTimeout: TimeAmount
    let defaultTimeout: TimeAmount
    let slowStreamGrace: TimeAmount
    /// The answers that turn away a crowd, which have to be quick: making one takes longer than all else about it.
    private let crowdAnswers: [RefusalAnswer]

    init(
        methods: MethodTable, configuration: ServerConfiguration, logger: Logger,
        metrics factory: any MetricsFactory
    ) {
        self.methods = methods
        self.configuration = configuration
        self.logger = logger
        limitedLog = LimitedLog(logger)
        metrics = ServerMetrics(methods: methods, prefix: configuration.metricsPrefix, factory: factory)
        logsCalls = logger.logLevel <= .debug
        patience = PeerPatience.Times(configuration)
        load = ServerLoad(limit: configuration.maximumCalls)
        drainTime = TimeAmount(bounded: configuration.drainTime)
        lingerTime = TimeAmount(bounded: configuration.lingerTime)
        handshakeTime = TimeAmount(bounded: configuration.handshakeTime)
        maximumTimeout = TimeAmount(bounded: configuration.maximumTimeout)
        defaultTimeout = min(TimeAmount(bounded: configuration.defaultTimeout), maximumTimeout)
        slowStreamGrace = TimeAmount(bounded: configuration.slowStreamGrace)
        crowdAnswers = [
            .overloaded,
            .tooManyCallsOnConnection(limit: configuration.maximumCallsPerConnection),
            .tooManyBytesOnConnection(limit: configuration.maximumBytesInFlightPerConnection),
            .tooManyCalls(limit: configuration.maximumCalls),
        ].map { RefusalAnswer($0, domain: configuration.errorDomain) }
    }

    /// What a refusal is answered with.
    func answer(to refusal: Refusal) -> RefusalAnswer {
        crowdAnswers.first { $0.refusal == refusal }
            ?? RefusalAnswer(refusal, domain: configuration.errorDomain)
    }
}

/// Counts the calls that wait for something. Calls that end on the spot are never counted, so the limit can be
/// exceeded by one call for each event loop.
final class ServerLoad: Sendable {
    private let limit: Int
    private let calls = Atomic<Int>(0)
    private let streams = Atomic<Int>(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// The limit if there is no room for another call.
    var limitIfReached: Int? { calls.load(ordering: .relaxed) >= limit ? limit : nil }

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
    init(bounded duration: Duration) {
        self = .nanoseconds(TimeAmount(min(max(duration, .zero), .seconds(10 * 365 * 86_400))).nanoseconds)
    }
}
