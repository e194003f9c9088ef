// What callers do once for all results of a round trip, instead of once per result: wake their event loop, for example.

/// Collects work to be done once after all completions of one round trip have been delivered.
///
/// It is handed to each completion and must not be kept or used on another thread.
public final class CompletionBatch {
    private var targets: [(target: AnyObject, action: () -> Void)] = []

    init() {}

    /// Runs the action after the last completion, on the same thread; once per target, whatever the later actions are.
    public func afterwards(_ target: AnyObject, _ action: @escaping () -> Void) {
        if !targets.contains(where: { $0.target === target }) { targets.append((target, action)) }
    }

    /// Runs what was collected; the batch can be used again.
    func finish() {
        guard !targets.isEmpty else { return }
        for (_, action) in targets { action() }
        targets.removeAll(keepingCapacity: true)
    }
}
