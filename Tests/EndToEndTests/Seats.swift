// Every test here runs a daemon with a PostgreSQL of its own. All at once they would only wait for each other, and
// their deadlines would measure the machine; so few at a time, each with the machine nearly to itself.

import Testing

/// Lets so many tests run at a time.
struct Seats: TestTrait, SuiteTrait, TestScoping {
    private static let free = Free(count: 3)

    var isRecursive: Bool { true }

    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        await Self.free.take()
        do {
            try await function()
            await Self.free.giveBack()
        } catch {
            await Self.free.giveBack()
            throw error
        }
    }

    private actor Free {
        private var count: Int
        private var waiting: [CheckedContinuation<Void, Never>] = []

        init(count: Int) { self.count = count }

        func take() async {
            if count > 0 {
                count -= 1
            } else {
                await withCheckedContinuation { waiting.append($0) }
            }
        }

        func giveBack() {
            if waiting.isEmpty { count += 1 } else { waiting.removeFirst().resume() }
        }
    }
}

extension Trait where Self == Seats {
    /// Takes one of the few seats while a test runs.
    static var seated: Seats { Seats() }
}
