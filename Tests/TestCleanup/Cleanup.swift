// What a test starts has to be stopped, also if the test throws in between; `defer` cannot wait for that.

/// Runs the body and then the cleanup, also if the body throws; an error of the body hides one of the cleanup.
public func withCleanup<Value>(
    _ cleanup: () async throws -> Void, _ body: () async throws -> Value
) async throws -> Value {
    let value: Value
    do {
        value = try await body()
    } catch {
        try? await cleanup()
        throw error
    }
    try await cleanup()
    return value
}
