// What a run is to do, checked and ready: the options of the command line end here, and tests begin here.

internal import NIOCore
internal import OpenSSL
internal import TTRPC

/// Where the load goes.
struct Target: Sendable {
    var address: Address
    /// For a `tls:` address.
    var tls: TLSContext?
    /// The access token of whoever is signed in there; nil if nobody is.
    var token: String?
}

/// The load and its limits.
struct LoadPlan: Sendable {
    enum Load: Sendable {
        /// On a schedule, stage after stage.
        case open([Stage], ArrivalKind)
        /// So many calls in flight for so many seconds.
        case closed(concurrency: Int, seconds: Double)
    }

    var load: Load
    var seed: UInt64 = 1
    var connections = 8
    /// Calls in flight on each connection.
    var maximumInFlight = 128
    /// Event loops, each a thread.
    var threads = 1
    /// Seconds before anything counts.
    var warmUp = 1.0
    /// Seconds that calls in flight have after the last one began.
    var drain = 10.0
    /// Connections that are closed and opened anew in a second.
    var churn = 0.0
    /// Connections that ask and never read.
    var slowReaders = 0
    /// Calls to measure; nil for as many as there are in the time.
    var requests: UInt64?
    /// The share of calls that may fail before the run is given up; nil for any.
    var maximumErrors: Double?

    /// How long the measured part is to last.
    var seconds: Double {
        switch load {
        case .open(let stages, _): stages.reduce(0) { $0 + $1.seconds }
        case .closed(_, let seconds): seconds
        }
    }

    /// When each step ends, in seconds after the end of the warm-up.
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
