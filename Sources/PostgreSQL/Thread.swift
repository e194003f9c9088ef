// A thread of our own, for calls that may block without limit.

internal import Glibc

enum Thread {
    private final class Body {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }

    /// Starts a detached thread; false if the system has no more.
    @discardableResult
    static func start(_ run: @escaping @Sendable () -> Void) -> Bool {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let status = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        guard status == 0 else {
            body.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}

extension Thread {
    /// Runs a blocking body on a thread of its own and waits for its result.
    static func result<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            if !start({ continuation.resume(with: Result { try body() }) }) {
                continuation.resume(throwing: DatabaseError(.unavailable, "no thread could be started"))
            }
        }
    }
}
