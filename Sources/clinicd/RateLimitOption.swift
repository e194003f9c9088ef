// The value of --rate-limit: a class of calls with its rate.

internal import ArgumentParser
internal import ClinicService
internal import RPC

/// A class of calls with its rate, or with none.
struct RateLimitOption: Sendable {
    let calls: RateLimitedCalls
    let rate: Rate?

    /// Reads `changes=50/s` or `changes=none`.
    init(parsing text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let calls = RateLimitedCalls(rawValue: String(parts[0])) else {
            let names = RateLimitedCalls.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("a rate limit is CLASS=N/s or CLASS=none; the classes are \(names)")
        }
        self.calls = calls
        if parts[1] == "none" {
            rate = nil
        } else {
            guard parts[1].hasSuffix("/s"), let number = Int(parts[1].dropLast(2)),
                (1...1_000_000).contains(number)
            else { throw ValidationError("a rate is 1/s to 1000000/s or none, not \(parts[1])") }
            rate = Rate(perSecond: number, burst: max(number, 1_000))
        }
    }
}
