// A thread that ends many calls wakes their event loop once, and what they begin then is one batch.

import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import RPC

struct WakeUpTests {
    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }

    /// What a thread defers until it has delivered its results.
    private final class Deferred: WakeUpBatch {
        private var actions: [ObjectIdentifier: () -> Void] = [:]

        func afterwards(_ target: AnyObject, _ action: @escaping () -> Void) {
            actions[ObjectIdentifier(target)] = action
        }

        func run() -> Int {
            for action in actions.values { action() }
            return actions.count
        }
    }

    /// Counts what was added before each flush.
    private final class Additions: ReadBatchValue {
        static let flushed = Mutex<[Int]>([])
        var count = 0

        func flush() {
            Self.flushed.withLock { [count] in $0.append(count) }
            count = 0
        }
    }

    @Test func `what a thread submits in one go runs when it has submitted all of it`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let executor = EventLoopExecutor(eventLoop: group.next())
        let counter = Counter()
        let deferred = Deferred()
        for _ in 0..<100 {
            executor.run(deferringWakeUpTo: deferred) { counter.value.add(1, ordering: .relaxed) }
        }
        #expect(counter.value.load(ordering: .relaxed) == 0)
        #expect(deferred.run() == 1)
        await Task(executorPreference: executor) {}.value
        #expect(counter.value.load(ordering: .relaxed) == 100)
        try await group.shutdownGracefully()
    }

    @Test func `the jobs of a turn share a batch, which is flushed behind the last of them`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let executor = EventLoopExecutor(eventLoop: group.next())
        let deferred = Deferred()
        for _ in 0..<10 {
            executor.run(deferringWakeUpTo: deferred) {
                executor.openBatch?.value(Additions.self).count += 1
            }
        }
        _ = deferred.run()
        // The second of two tasks is in a later turn.
        for _ in 0..<2 { await Task(executorPreference: executor) {}.value }
        let flushed = Additions.flushed.withLock { $0 }
        #expect(flushed.first == 10)
        #expect(executor.openBatch == nil, "on another thread")
        try await group.shutdownGracefully()
    }
}
