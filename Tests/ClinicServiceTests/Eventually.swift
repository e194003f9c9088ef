import Testing

/// Waits until something is so; records an issue if it is not within a minute.
func eventually(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ isSo: () async throws -> Bool
) async rethrows {
    let end = ContinuousClock.now + .seconds(60)
    while !(try await isSo()) {
        guard ContinuousClock.now < end else {
            Issue.record("\(what) was not so within a minute", sourceLocation: sourceLocation)
            return
        }
        try? await Task.sleep(for: .milliseconds(5))
    }
}
