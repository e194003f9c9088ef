// The search algorithm of `--find-max` as a pure state machine: it doubles the rate until a trial fails, or halves
// it until one passes, and then bisects the interval until it is small. A trial that the generator limited says nothing
// about the server and is repeated.

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
    /// How many trials at a rate may be limited by the generator before the search gives up there.
    static let attempts = 3
    private var limitedTrials = 0
    /// The rate at which the generator was the limit in every trial, which ended the search; nil otherwise.
    private(set) var inconclusive: Double?

    /// What a trial says about the server.
    enum Outcome {
        case passed, failed
        /// Nothing: the generator was the limit.
        case limitedByGenerator
    }

    init(start: Double) {
        next = start
    }

    /// Records the result of the trial at `next`.
    mutating func add(_ outcome: Outcome) {
        guard let rate = next else { return }
        switch outcome {
        case .passed: passed = rate
        case .failed: failed = rate
        case .limitedByGenerator:
            limitedTrials += 1
            guard limitedTrials == Self.attempts else { return }
            inconclusive = rate
            next = nil
            return
        }
        limitedTrials = 0
        switch (passed, failed) {
        case (let passed?, let failed?):
            next = failed / passed <= Self.precision ? nil : (passed * failed).squareRoot()
        case (let passed?, nil): next = passed >= Self.greatestRate ? nil : min(passed * 2, Self.greatestRate)
        case (nil, let failed?): next = failed <= Self.smallestRate ? nil : max(failed / 2, Self.smallestRate)
        case (nil, nil): break
        }
    }
}
