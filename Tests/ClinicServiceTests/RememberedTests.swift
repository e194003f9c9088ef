// When what is in memory may be used, by a clock of the test's own.

import Testing

@testable import ClinicStore

@Suite struct RememberedTests {
    private let start = ContinuousClock.now
    private var remembered = Remembered<Int>(tolerance: .seconds(1))

    /// The value that may be used so many milliseconds after the start.
    private mutating func value(at milliseconds: Int) -> Int? {
        remembered.look(at: start + .milliseconds(milliseconds)).value
    }

    private mutating func reading(at milliseconds: Int) -> Remembered<Int>.Reading? {
        remembered.look(at: start + .milliseconds(milliseconds)).reading
    }

    private mutating func hear(until milliseconds: Int) {
        remembered.hear(until: start + .milliseconds(milliseconds))
    }

    private mutating func finish(_ reading: Remembered<Int>.Reading, _ value: Int?, at milliseconds: Int) {
        remembered.finish(reading, with: value, at: start + .milliseconds(milliseconds))
    }

    @Test mutating func `nothing is read before the line is up, and one reading at a time after it`() throws {
        #expect(reading(at: 0) == nil)
        hear(until: 0)
        let first = try #require(reading(at: 1))
        #expect(reading(at: 2) == nil)
        finish(first, 7, at: 3)
        #expect(value(at: 4) == 7)
        #expect(reading(at: 4) == nil)
    }

    @Test mutating func `a value is used for a second after the last proof, and again after the next`() throws
    {
        hear(until: 0)
        finish(try #require(reading(at: 0)), 7, at: 1)
        #expect(value(at: 999) == 7)
        #expect(value(at: 1_000) == nil)
        #expect(reading(at: 1_000) == nil)
        hear(until: 900)
        #expect(value(at: 1_899) == 7)
    }

    @Test mutating func `a change ends the value, and a reading that was under way is worth nothing`() throws
    {
        hear(until: 0)
        finish(try #require(reading(at: 0)), 7, at: 1)
        remembered.forget()
        #expect(value(at: 2) == nil)
        let overtaken = try #require(reading(at: 100))
        remembered.forget()
        finish(overtaken, 7, at: 101)
        #expect(value(at: 102) == nil)
        finish(try #require(reading(at: 200)), 8, at: 201)
        #expect(value(at: 202) == 8)
    }

    @Test mutating func `a lost line ends it too, also for a reading that was begun before`() throws {
        hear(until: 0)
        let overtaken = try #require(reading(at: 0))
        remembered.loseLine()
        #expect(reading(at: 1) == nil)
        hear(until: 10)
        finish(overtaken, 7, at: 11)
        #expect(value(at: 12) == nil)
    }

    @Test mutating func `readings take a tenth of the time at most, and one that failed is repeated`() throws
    {
        hear(until: 0)
        finish(try #require(reading(at: 0)), nil, at: 10)
        #expect(reading(at: 99) == nil)
        finish(try #require(reading(at: 100)), 7, at: 110)
        #expect(value(at: 111) == 7)
    }
}
