// A thread that resumes many handlers wakes their event loop once.

import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import TTRPC

struct WakeUpTests {
    @Test func `what a thread resumes in one go runs when it has resumed all of it`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let executor = EventLoopExecutor(eventLoop: group.next())
        let count = Mutex(0)
        var tasks: [Task<Void, Never>] = []
        Server.wakingLoopsTogether {
            tasks = (0..<100).map { _ in
                Task(executorPreference: executor) { count.withLock { $0 += 1 } }
            }
            #expect(count.withLock { $0 } == 0)
        }
        for task in tasks { await task.value }
        #expect(count.withLock { $0 } == 100)
        try await group.shutdownGracefully()
    }

    @Test func `handlers run in turns that whoever wants to is called around`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let turns = Mutex<(begun: Int, ended: Int)>((0, 0))
        let executor = EventLoopExecutor(eventLoop: group.next()) { runHandlers in
            turns.withLock { $0.begun += 1 }
            runHandlers()
            turns.withLock { $0.ended += 1 }
        }
        let isInTurn = await Task(executorPreference: executor) {
            turns.withLock { $0.begun == $0.ended + 1 }
        }.value
        #expect(isInTurn)
        try await group.shutdownGracefully()
    }
}
