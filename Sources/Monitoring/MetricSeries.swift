// The series behind the handles of swift-metrics. Each update takes one or two relaxed atomic operations, no lock
// and no allocation. A page is therefore not a consistent snapshot, but every number in it is current when it is
// read.

internal import CoreMetrics
internal import Synchronization

/// A monotonic counter.
final class CounterSeries: CounterHandler {
    private let count = Atomic<Int64>(0)

    var value: Int64 { count.load(ordering: .relaxed) }

    func increment(by amount: Int64) { count.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { count.store(0, ordering: .relaxed) }
}

/// A gauge, stored as the bits of a Double.
final class GaugeSeries: MeterHandler, RecorderHandler {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
    func decrement(by amount: Double) { increment(by: -amount) }

    func increment(by amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let (isExchanged, found) = bits.weakCompareExchange(
                expected: old, desired: new, ordering: .relaxed)
            if isExchanged { return }
            old = found
        }
    }
}

/// A histogram of durations. The bucket bounds are closest together where most calls end.
final class HistogramSeries: TimerHandler {
    /// The upper bounds of all buckets but the last, in nanoseconds: 10 µs to 10 s in steps of 1, 2.5 and 5.
    static let bounds: InlineArray<19, Int64> = [
        10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
        25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000,
        5_000_000_000, 10_000_000_000,
    ]

    private let buckets = InlineArray<20, Atomic<Int64>> { _ in Atomic(0) }
    private let sum = Atomic<Int64>(0)

    func recordNanoseconds(_ duration: Int64) {
        var index = 0
        while index < Self.bounds.count, duration > Self.bounds[index] { index += 1 }
        buckets[index].wrappingAdd(1, ordering: .relaxed)
        sum.wrappingAdd(duration, ordering: .relaxed)
    }

    func preferDisplayUnit(_ unit: TimeUnit) {}

    /// The count of each bucket, and the sum of all durations in nanoseconds.
    var values: (counts: [Int64], sum: Int64) {
        (buckets.indices.map { buckets[$0].load(ordering: .relaxed) }, sum.load(ordering: .relaxed))
    }
}
