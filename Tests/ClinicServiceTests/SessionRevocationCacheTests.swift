// The promise that a change of a user's role or token version is known 5 seconds later, and what it may cost: by a clock and a
// database of the test's own.

import ClinicStore
import TestWaiting
import Testing

@testable import ClinicService

@Suite struct SessionRevocationCacheTests {
    let clock = Clock()
    private let source = Source()
    private let revocations: SessionRevocationCache

    init() {
        revocations = SessionRevocationCache(source: source, maximumAge: .seconds(5), now: clock.now)
    }

    private func version(of userID: Int64, atLeast version: Int64 = 1) async throws -> Int64? {
        try await revocations.access(of: userID, tokenVersion: version)?.tokenVersion
    }

    @Test func `a change is known five seconds later, and until then a call costs no round trip`()
        async throws
    {
        source.set(7, 1)
        #expect(try await version(of: 7) == 1)
        source.change(7, to: 2)
        clock.advance(.milliseconds(2_499))
        for _ in 0..<1_000 { #expect(try await version(of: 7) == 1) }
        #expect(source.counts == (reads: 1, readings: 1))
        clock.advance(.milliseconds(2_501))
        #expect(try await version(of: 7) == 2)
        #expect(source.counts == (reads: 2, readings: 2))
    }

    @Test func `after half the time a call starts a reading and does not wait for it`() async throws {
        source.set(7, 1)
        _ = try await version(of: 7)
        let gate = source.holdReadings()
        source.change(7, to: 2)
        clock.advance(.seconds(3))
        for _ in 0..<10 { #expect(try await version(of: 7) == 1) }
        await gate.reached()
        for _ in 0..<10 { #expect(try await version(of: 7) == 1) }
        #expect(source.counts == (reads: 1, readings: 2))
        gate.open()
        try await eventually("the change") { try await version(of: 7) == 2 }
        #expect(source.counts == (reads: 2, readings: 2))
        // What was read at three seconds is good until eight, for whoever did not change.
        clock.advance(.milliseconds(2_400))
        #expect(try await version(of: 7) == 2)
        #expect(source.counts == (reads: 2, readings: 2))
    }

    @Test func `a reading that takes too long is waited for, by all with one statement`() async throws {
        for userID in 1...20 as ClosedRange<Int64> { source.set(userID, 1) }
        for userID in 1...20 as ClosedRange<Int64> { _ = try await version(of: userID) }
        source.change(3, to: 2)
        clock.advance(.seconds(60))
        let gate = source.holdReadings()
        let versions = try await withThrowingTaskGroup(of: (Int64, Int64?).self) { group in
            for userID in 1...20 as ClosedRange<Int64> {
                group.addTask { (userID, try await version(of: userID)) }
            }
            await gate.reached()
            gate.open()
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect(versions == Dictionary(uniqueKeysWithValues: (1...20).map { ($0, $0 == 3 ? 2 : 1) }))
        #expect(source.counts == (reads: 21, readings: 2))
    }

    @Test func `what was read before a change that came in meanwhile is not remembered`() async throws {
        source.set(1, 1)
        source.set(7, 1)
        _ = try await version(of: 1)
        let gate = source.holdReads()
        async let old = version(of: 7)
        await gate.reached()
        source.change(7, to: 2)
        clock.advance(.seconds(5))
        _ = try await version(of: 1)
        gate.open()
        #expect(try await old == 1)
        #expect(try await version(of: 7) == 2)
    }

    @Test func `a change that was made here is known to the next call`() async throws {
        source.set(7, 1)
        _ = try await version(of: 7)
        source.set(7, 2)
        #expect(try await version(of: 7) == 1)
        revocations.invalidate(7)
        #expect(try await version(of: 7) == 2)
    }

    @Test func `a token that is newer than what is remembered makes it read again`() async throws {
        source.set(7, 1)
        _ = try await version(of: 7)
        source.set(7, 2)
        #expect(try await version(of: 7, atLeast: 2) == 2)
        #expect(try await version(of: 7) == 2)
    }

    @Test func `who is gone is nobody, and not remembered`() async throws {
        source.set(7, 1)
        _ = try await version(of: 7)
        source.remove(7)
        clock.advance(.seconds(5))
        #expect(try await version(of: 7) == nil)
        #expect(revocations.count == 0)
    }

    @Test func `too many changes at once, or another server, forget everything`() async throws {
        source.set(7, 1)
        for restart in [false, true] {
            _ = try await version(of: 7)
            source.set(7, restart ? 3 : 2)
            if restart { source.restart() } else { source.changeMany(SessionRevocationCache.changeLimit) }
            clock.advance(.seconds(5))
            #expect(try await version(of: 7) == (restart ? 3 : 2))
        }
    }

    @Test func `without a database old answers are good for their time and then nobody is let in`()
        async throws
    {
        source.set(7, 1)
        _ = try await version(of: 7)
        source.fail(true)
        clock.advance(.milliseconds(4_999))
        #expect(try await version(of: 7) == 1)
        clock.advance(.milliseconds(1))
        await #expect(throws: Source.Down.self) { try await version(of: 7) }
        source.fail(false)
        #expect(try await version(of: 7) == 1)
    }

    @Test func `memory is bounded, and those who call stay`() async throws {
        let few = SessionRevocationCache(source: source, maximumAge: .seconds(5), limit: 100, now: clock.now)
        for userID in 1...1_000 as ClosedRange<Int64> {
            source.set(userID, 1)
            _ = try await few.access(of: userID, tokenVersion: 1)
            _ = try await few.access(of: 1, tokenVersion: 1)
            #expect(few.count <= 100)
        }
        #expect(source.counts.reads == 1_000)
    }
}
