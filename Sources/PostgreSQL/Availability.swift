// Whether the database can be reached, for health checks. Each pool reports that its state may have changed, and the state
// is then read under one lock, so that the last value published is always the current one.

internal import Synchronization

final class Availability: Sendable {
    private struct State {
        var available: Set<ConnectionPurpose> = []
        var observers: [Int: AsyncStream<Bool>.Continuation] = [:]
        var lastNumber = 0

        var isAvailable: Bool { available.contains(.reads) && available.contains(.writes) }
    }

    private let state = Mutex(State())

    /// Whether statements of one kind are accepted.
    func isAvailable(_ purpose: ConnectionPurpose) -> Bool {
        state.withLock { $0.available.contains(purpose) }
    }

    /// Reads the state of the pool of one kind again.
    func update(_ purpose: ConnectionPurpose, isAvailable: () -> Bool) {
        state.withLock { state in
            let before = state.isAvailable
            if isAvailable() {
                state.available.insert(purpose)
            } else {
                state.available.remove(purpose)
            }
            guard state.isAvailable != before else { return }
            for observer in state.observers.values { observer.yield(state.isAvailable) }
        }
    }

    /// The current state, then every change; a slow reader gets the newest only.
    func changes() -> AsyncStream<Bool> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Bool.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.lastNumber &+= 1
            state.observers[state.lastNumber] = continuation
            continuation.yield(state.isAvailable)
            return state.lastNumber
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.observers.removeValue(forKey: number) }
        }
        return stream
    }
}
