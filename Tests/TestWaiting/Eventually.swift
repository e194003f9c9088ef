// Waiting for what another thread, program or server brings about, without a guess at how long it takes.

public import Testing

/// Looks again and again until something is so. When that takes too long, the test fails where it waits and says for
/// what, and ends there: what follows could only fail of it.
public func eventually(
    _ what: @autoclosure () -> String, within limit: Duration = .seconds(120),
    sourceLocation: SourceLocation = #_sourceLocation, _ isSo: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while !(try await isSo()) {
        let isInTime = ContinuousClock.now < end
        try #require(isInTime, "not within \(limit): \(what())", sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(5))
    }
}
