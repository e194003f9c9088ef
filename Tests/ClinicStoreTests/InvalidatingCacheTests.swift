// When what is in memory may be used, by a clock of the test's own.

import Testing

@testable import ClinicStore

@Suite struct InvalidatingCacheTests {
    private let start = ContinuousClock.now
    private var cache = InvalidatingCache<Int>(tolerance: .seconds(1))

    /// The value that may be used so many milliseconds after the start.
    private mutating func value(at milliseconds: Int) -> Int? {
        cache.lookUp(at: start + .milliseconds(milliseconds)).value
    }

    private mutating func reading(at milliseconds: Int) -> InvalidatingCache<Int>.Reading? {
        cache.lookUp(at: start + .milliseconds(milliseconds)).reading
    }

    private mutating func confirm(until milliseconds: Int) {
        cache.confirm(until: start + .milliseconds(milliseconds))
    }

    private mutating func finish(
        _ reading: InvalidatingCache<Int>.Reading, _ value: Int?, at milliseconds: Int
    ) {
        cache.finish(reading, with: value, at: start + .milliseconds(milliseconds))
    }

    @Test mutating func `nothing is read before the line is up, and one reading at a time after it`() throws {
        #expect(reading(at: 0) == nil)
        confirm(until: 0)
        let first = try #require(reading(at: 1))
        #expect(reading(at: 2) == nil)
        finish(first, 7, at: 3)
        #expect(value(at: 4) == 7)
        #expect(reading(at: 4) == nil)
    }

    @Test mutating func `a value is used for a second after the last proof, and again after the next`() throws
    {
        confirm(until: 0)
        finish(try #require(reading(at: 0)), 7, at: 1)
        #expect(value(at: 999) == 7)
        #expect(value(at: 1_000) == nil)
        #expect(reading(at: 1_000) == nil)
        confirm(until: 900)
        #expect(value(at: 1_899) == 7)
    }

    @Test mutating func `a change ends the value, and a reading that was under way is worth nothing`() throws
    {
        confirm(until: 0)
        finish(try #require(reading(at: 0)), 7, at: 1)
        cache.invalidate()
        #expect(value(at: 2) == nil)
        let overtaken = try #require(reading(at: 100))
        cache.invalidate()
        finish(overtaken, 7, at: 101)
        #expect(value(at: 102) == nil)
        finish(try #require(reading(at: 200)), 8, at: 201)
        #expect(value(at: 202) == 8)
    }

    @Test mutating func `a lost line ends it too, also for a reading that was begun before`() throws {
        confirm(until: 0)
        let overtaken = try #require(reading(at: 0))
        cache.disconnect()
        #expect(reading(at: 1) == nil)
        confirm(until: 10)
        finish(overtaken, 7, at: 11)
        #expect(value(at: 12) == nil)
    }

    @Test mutating func `readings take a tenth of the time at most, and one that failed is repeated`() throws
    {
        confirm(until: 0)
        finish(try #require(reading(at: 0)), nil, at: 10)
        #expect(reading(at: 99) == nil)
        finish(try #require(reading(at: 100)), 7, at: 110)
        #expect(value(at: 111) == 7)
    }
}
