// How old the oldest open transaction is, from looks at numbers.

import Testing

@testable import ClinicStore

@Suite struct OldestTransactionTests {
    private let start = ContinuousClock.now

    @Test func `a transaction counts from the first look at it until it ends`() {
        var oldest = OldestTransaction()
        func age(_ number: Int64, next: Int64, shown: Int = 0, after seconds: Int) -> Duration {
            let look = OldestTransaction.Look(oldest: number, next: next, shownAge: .seconds(shown))
            return oldest.age(look, at: start + .seconds(seconds))
        }
        #expect(age(7, next: 9, after: 0) == .zero)
        #expect(age(7, next: 20, after: 30) == .seconds(30))
        // The start of an older one is shown.
        #expect(age(7, next: 20, shown: 90, after: 31) == .seconds(90))
        // Another is the oldest.
        #expect(age(8, next: 20, after: 40) == .zero)
        #expect(age(8, next: 20, after: 45) == .seconds(5))
        // None writes, one reads.
        #expect(age(20, next: 20, shown: 3, after: 46) == .seconds(3))
        #expect(age(20, next: 20, after: 50) == .zero)
        #expect(age(20, next: 21, after: 60) == .zero)
    }
}
