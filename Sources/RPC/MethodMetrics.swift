// The counters of one method's calls. They are made at its first call, so that an idle server does not have a thousand counters.

internal import CoreMetrics
internal import NIOCore
internal import Synchronization

/// The counts of a method's calls by code, and their durations.
final class MethodMetrics: Sendable {
    /// The counters of one method.
    private final class Handles: Sendable {
        /// By code; these are numbered from 0 without gaps.
        let counters: [Counter]
        let duration: Timer

        init(counters: [Counter], duration: Timer) {
            self.counters = counters
            self.duration = duration
        }
    }

    private let service: String
    private let method: String
    private let protocolName: String
    private let prefix: String
    private let factory: any MetricsFactory
    /// A retained `Handles`, 0 before the first call. `AtomicLazyReference` would do, but each read looks its type up at run
    /// time, which is a tenth of the cost of a small call.
    private let handles = Atomic<UInt>(0)

    init(
        service: String, method: String, protocolName: String, prefix: String, factory: any MetricsFactory
    ) {
        self.service = service
        self.protocolName = protocolName
        self.method = method
        self.prefix = prefix
        self.factory = factory
    }

    deinit {
        Self.reference(handles.load(ordering: .acquiring))?.release()
    }

    /// Counts ended calls with this code, each with this duration if it is known.
    @inline(__always)
    func count(_ code: StatusCode, _ count: Int, after time: TimeAmount?) {
        let handles = found()
        handles.counters[Int(code.rawValue)].increment(by: Int64(count))
        guard let time else { return }
        for _ in 0..<count { handles.duration.recordNanoseconds(time.nanoseconds) }
    }

    @inline(__always)
    private func found() -> Handles {
        Self.reference(handles.load(ordering: .acquiring))?.takeUnretainedValue() ?? make()
    }

    /// Two threads may make the handles at once; the factory gives both the same series, and one thread's handles are kept.
    @inline(never)
    private func make() -> Handles {
        let labels = [("service", service), ("method", method), ("protocol", protocolName)]
        let made = Unmanaged.passRetained(
            Handles(
                counters: StatusCode.allCases.map { code in
                    Counter(
                        label: "\(prefix)_calls_total", dimensions: labels + [("code", code.protoName)],
                        factory: factory)
                },
                duration: Timer(
                    label: "\(prefix)_call_duration_seconds", dimensions: labels, factory: factory)))
        let (_, known) = handles.compareExchange(
            expected: 0, desired: UInt(bitPattern: made.toOpaque()), ordering: .acquiringAndReleasing)
        guard let known = Self.reference(known) else { return made.takeUnretainedValue() }
        made.release()
        return known.takeUnretainedValue()
    }

    @inline(__always)
    private static func reference(_ bits: UInt) -> Unmanaged<Handles>? {
        UnsafeRawPointer(bitPattern: bits).map(Unmanaged.fromOpaque)
    }
}
