// An event loop with more to do than it can: its sockets have their turn all the same.

import Glibc
import NIOCore
import NIOPosix
import RPCMessages
import Synchronization
import TTRPCMessages
import TestRPC
import TestWaiting
import Testing

@testable import RPC
@testable import TTRPC

struct FairLoopTests {
    @Test func `a handler that always has something to do keeps no other call from its loop`() async throws {
        let turns = Atomic(0)
        let hasEnded = Atomic(false)
        var methods = Router()
        methods.register(TestMethods.waitAtGate) { call in
            let end = ContinuousClock.now + .seconds(30)
            while !hasEnded.load(ordering: .relaxed), ContinuousClock.now < end {
                turns.add(1, ordering: .relaxed)
                // Work for the loop, and none for the processor, which the other tests need.
                usleep(100)
                await Task.yield()
            }
            if !hasEnded.load(ordering: .relaxed) { throw Status(.internal, "nobody else came in") }
            return try call.request()
        }
        methods.register(TestMethods.repeatText) { call in
            hasEnded.store(true, ordering: .relaxed)
            return try call.request()
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = Server(router: methods, wire: .ttrpc, group: group, logger: LogLines().logger)
        let peer = try await RawPeer.connect(to: server.listen(on: TestServer.temporaryAddress()))
        try await peer.sendRequest(1, .test(TestMethods.waitAtGate, "a"))
        try await eventually("a hundred turns") { turns.load(ordering: .relaxed) > 100 }
        try await peer.sendRequest(3, .test(TestMethods.repeatText, "b"))
        for _ in 0..<2 { #expect(try await peer.nextFrame().response().status == nil) }
        await server.shutdown()
        try await group.shutdownGracefully()
    }
}
