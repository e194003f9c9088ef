// A thread that resumes many handlers wakes their event loop once.

import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import TTRPC

struct WakeUpTests {
    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
        let ended = Atomic<Int>(0)
    }

    @Test func `what a thread resumes in one go runs when it has resumed all of it`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let executor = EventLoopExecutor(eventLoop: group.next())
        let counter = Counter()
        var tasks: [Task<Void, Never>] = []
        Server.wakingLoopsTogether {
            for _ in 0..<100 {
                tasks.append(
                    Task(executorPreference: executor) { counter.value.add(1, ordering: .relaxed) })
            }
            #expect(counter.value.load(ordering: .relaxed) == 0)
        }
        for task in tasks { await task.value }
        #expect(counter.value.load(ordering: .relaxed) == 100)
        try await group.shutdownGracefully()
    }

    @Test func `handlers run in turns that whoever wants to is called around`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let turns = Counter()
        let executor = EventLoopExecutor(eventLoop: group.next()) { runHandlers in
            turns.value.add(1, ordering: .relaxed)
            runHandlers()
            turns.ended.add(1, ordering: .relaxed)
        }
        let isInTurn = await Task(executorPreference: executor) {
            turns.value.load(ordering: .relaxed) == turns.ended.load(ordering: .relaxed) + 1
        }.value
        #expect(isInTurn)
        try await group.shutdownGracefully()
    }
}
