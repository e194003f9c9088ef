// `--find-max` as a pure function of what the trials said: the rate is doubled until one fails, or halved until one
// passes, and then the gap between the two is halved until it is small.

/// Looks for the greatest rate that passes.
struct RateSearch {
    /// The search is over when the greatest rate that passed and the smallest that failed are this close.
    static let precision = 1.05
    static let greatestRate = 1e6
    static let smallestRate = 1.0

    /// The rate to try; nil when the search is over.
    private(set) var next: Double?
    /// The greatest rate that passed.
    private(set) var passed: Double?
    private var failed: Double?

    init(start: Double) {
        next = start
    }

    /// Takes what came of the rate that was to be tried.
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
