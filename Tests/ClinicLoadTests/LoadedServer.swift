// Servers under load: a real one whose handler the test provides, and one that cuts connections.

import Foundation
import Logging
import NIOCore
import NIOPosix
import RPC
import RPCMessages
import Synchronization
import TTRPC

@testable import clinic_load

/// A ttrpc server on a Unix socket whose Health/Check runs the test's handler.
final class LoadedServer: Sendable {
    /// The calls seen by the handlers.
    struct Seen: Sendable {
        var calls = 0
        var running = 0
        var mostRunning = 0
    }

    let address: Address
    private let directory: String
    private let counts = Mutex(Seen())
    private let server: Mutex<Server?> = Mutex(nil)

    private init() throws {
        directory = "/tmp/clinic-load-\(UInt64.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        address = .unix(path: directory + "/clinic.sock")
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    var seen: Seen { counts.withLock { $0 } }

    /// Serves while the body runs, optionally with further methods. The handler gets the number of its call, from
    /// 1.
    static func serving<Result>(
        _ handler: @escaping @Sendable (Int) async throws -> Void,
        methods more: (inout Router) -> Void = { _ in },
        _ body: (LoadedServer) async throws -> Result
    ) async throws -> Result {
        let loaded = try LoadedServer()
        var methods = Router()
        methods.register(HealthMethods.check) { [counts = loaded] _ in
            let number = counts.begin()
            defer { counts.end() }
            try await handler(number)
            return HealthCheckResponse(status: .serving)
        }
        more(&methods)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server = Server(router: methods, wire: .ttrpc, group: group, logger: Logger(label: "test"))
        _ = try await server.listen(on: loaded.address)
        loaded.server.withLock { $0 = server }
        do {
            let result = try await body(loaded)
            await server.shutdown()
            try await group.shutdownGracefully()
            return result
        } catch {
            await server.shutdown()
            try await group.shutdownGracefully()
            throw error
        }
    }

    private func begin() -> Int {
        counts.withLock { seen in
            seen.calls += 1
            seen.running += 1
            seen.mostRunning = max(seen.mostRunning, seen.running)
            return seen.calls
        }
    }

    private func end() {
        counts.withLock { $0.running -= 1 }
    }
}

/// Runs a load of Health/Check.
func runLoad(
    at address: Address, _ plan: LoadPlan,
    during action: @escaping @Sendable (LoadGenerator) async throws -> Void = { _ in }
) async throws -> LoadRun {
    try await withGenerator(at: address, threads: plan.threads) { generator in
        async let acted: Void = action(generator)
        let run = try await generator.run(plan)
        try await acted
        return run
    }
}

/// Runs the body with a generator of Health/Check, or of a workload derived from it.
func withGenerator<Result>(
    at address: Address, threads: Int = 1,
    workload: @escaping @Sendable (any Workload) -> any Workload = { $0 },
    _ body: (LoadGenerator) async throws -> Result
) async throws -> Result {
    let call = try SingleCall(method: "Health/Check", json: "{}", token: nil)
    let generator = try await LoadGenerator(threads: threads, target: Target(address: address)) { _, _ in
        workload(call.workload())
    }
    do {
        let result = try await body(generator)
        await generator.shutdown()
        return result
    } catch {
        await generator.shutdown()
        throw error
    }
}

/// Responds to every frame, and closes its first connections after `afterCalls` calls.
final class CuttingServer {
    let address: Address
    private let directory: String
    private let channel: any Channel

    init(connectionsToCut count: Int, afterCalls calls: Int) async throws {
        directory = "/tmp/clinic-load-\(UInt64.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        let path = directory + "/clinic.sock"
        address = .unix(path: path)
        let left = CutCounter(count)
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let limit = left.takesOne() ? calls : Int.max
                    try channel.pipeline.syncOperations.addHandler(CuttingConnection(limit: limit))
                }
            }
            .bind(unixDomainSocketPath: path).get()
    }

    func stop() async throws {
        try await channel.close()
        try FileManager.default.removeItem(atPath: directory)
    }
}

private final class CutCounter: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { left = Mutex(count) }

    func takesOne() -> Bool {
        left.withLock { left in
            left -= 1
            return left >= 0
        }
    }
}

private final class CuttingConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var left: Int
    private var rest = ByteBuffer()

    init(limit: Int) { left = limit }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        rest.writeBuffer(&bytes)
        while let length = rest.getInteger(at: rest.readerIndex, as: UInt32.self),
            rest.readableBytes >= 10 + Int(length),
            let streamID = rest.getInteger(at: rest.readerIndex + 4, as: UInt32.self)
        {
            rest.moveReaderIndex(forwardBy: 10 + Int(length))
            left -= 1
            guard left >= 0 else { return context.close(promise: nil) }
            var response = ByteBuffer()
            response.writeMultipleIntegers(0 as UInt32, streamID, 2 as UInt8, 0 as UInt8)
            context.writeAndFlush(wrapOutboundOut(response), promise: nil)
        }
    }
}
