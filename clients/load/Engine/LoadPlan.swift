// The validated plan of a run. The command line produces it, and tests construct it directly.

internal import NIOCore
internal import OpenSSL
internal import RPC

/// The server and the caller.
struct Target: Sendable {
    var address: Address
    /// For a `tls:` address.
    var tls: TLSContext?
    /// The caller's access token; nil for unauthenticated calls.
    var token: String?
}

/// The load and its limits.
struct LoadPlan: Sendable {
    enum Load: Sendable {
        /// Calls on a schedule, stage after stage.
        case open([Stage], ArrivalKind)
        /// A constant number of calls in flight for some seconds.
        case closed(concurrency: Int, seconds: Double)
    }

    var load: Load
    var seed: UInt64 = 1
    var connections = 8
    /// The maximum number of calls in flight per connection.
    var maximumInFlight = 128
    /// The number of event loops, each with a thread.
    var threads = 1
    /// The warm-up in seconds, which is not measured.
    var warmUp = 1.0
    /// The time in seconds for calls in flight to finish after the last call started.
    var drain = 10.0
    /// Connections closed and reopened per second.
    var churn = 0.0
    /// Connections that send requests and never read.
    var slowReaders = 0
    /// The number of calls to measure; nil for no limit.
    var requests: UInt64?
    /// The share of failed calls above which the run is aborted; nil for no limit.
    var maximumErrors: Double?

    /// The measured time in seconds.
    var seconds: Double {
        switch load {
        case .open(let stages, _): stages.reduce(0) { $0 + $1.seconds }
        case .closed(_, let seconds): seconds
        }
    }

    /// The end of each step in seconds after the warm-up.
    var stepEnds: [Double] {
        switch load {
        case .open(let stages, _):
            stages.reduce(into: []) { ends, stage in ends.append((ends.last ?? 0) + stage.seconds) }
        case .closed(_, let seconds): [seconds]
        }
    }

    var shapes: [LoadShape] {
        switch load {
        case .open(let stages, let kind): stages.map { .open(rate: $0.meanRate, poisson: kind == .poisson) }
        case .closed(let concurrency, _): [.closed(concurrency: concurrency)]
        }
    }
}
