// The search algorithm of `--find-max` as a pure state machine: it doubles the rate until a trial fails, or halves
// it until one passes, and then bisects the interval until it is small.

/// Searches for the greatest rate that passes.
struct RateSearch {
    /// The search ends when the smallest failing rate is within this factor of the greatest passing rate.
    static let precision = 1.05
    static let greatestRate = 1e6
    static let smallestRate = 1.0

    /// The next rate to try; nil when the search is complete.
    private(set) var next: Double?
    /// The greatest rate that passed.
    private(set) var passed: Double?
    private var failed: Double?

    init(start: Double) {
        next = start
    }

    /// Records the result of the trial at `next`.
    mutating func add(passed hasPassed: Bool) {
        guard let rate = next else { return }
        if hasPassed { passed = rate } else { failed = rate }
        switch (passed, failed) {
        case (let passed?, let failed?):
            next = failed / passed <= Self.precision ? nil : (passed * failed).squareRoot()
        case (let passed?, nil): next = passed >= Self.greatestRate ? nil : min(passed * 2, Self.greatestRate)
        case (nil, let failed?): next = failed <= Self.smallestRate ? nil : max(failed / 2, Self.smallestRate)
        case (nil, nil): break
        }
    }
}
