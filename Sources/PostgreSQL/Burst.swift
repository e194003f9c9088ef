// Statements that leave together. Whoever serves many callers in one go begins many statements one after the other; sent
// each at once, the first would go alone and the others wait for its answer. Collected, they are one group, and callers of
// the same statement one set.

internal import Glibc

/// The statements that a thread has begun since it started to collect them.
final class Burst {
    private static let key = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    private var lanes: [Lane] = []

    /// What this thread collects in, if it does.
    static var current: Burst? {
        pthread_getspecific(key).map { Unmanaged<Burst>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Sends what waits in the lane when the burst is over.
    func add(_ lane: Lane) {
        if !lanes.contains(where: { $0 === lane }) { lanes.append(lane) }
    }

    /// Runs the body, and sends afterwards what it has begun.
    static func collect(_ body: () -> Void) {
        guard current == nil else { return body() }
        let burst = Burst()
        pthread_setspecific(key, Unmanaged.passUnretained(burst).toOpaque())
        body()
        pthread_setspecific(key, nil)
        for lane in burst.lanes { lane.pump() }
    }
}
