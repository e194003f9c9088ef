// Whether the database can be reached, for whoever has to say so to others. It follows the pools: each says that
// something changed, and what holds is read from them in one place, so that the last word is always the true one.

internal import Synchronization

final class Availability: Sendable {
    private struct State {
        var available: Set<ConnectionPurpose> = []
        var observers: [Int: AsyncStream<Bool>.Continuation] = [:]
        var lastNumber = 0

        var isAvailable: Bool { available.contains(.reads) && available.contains(.writes) }
    }

    private let state = Mutex(State())

    /// Whether statements of both kinds are accepted.
    var isAvailable: Bool { state.withLock { $0.isAvailable } }

    /// Takes over what holds now for the connections of one kind.
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

    /// What holds, then every change; a slow reader misses what has passed.
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
