// A real server on a Unix socket of its own, and a relay that can drop responses.

import Foundation
import Logging
import NIOCore
import NIOPosix
import ProtobufC
import RPC
import Synchronization
import TTRPC
import TestCleanup

/// A call that the server received.
struct ReceivedCall: Sendable {
    let method: String
    let metadata: Metadata
    let connection: String

    var keys: [String] { metadata["idempotency-key"] }
}

/// A server with a few methods that records the calls it receives.
final class TestClinic: Sendable {
    let directory: String
    private let arrived = Mutex<[ReceivedCall]>([])

    init() throws {
        directory = "/tmp/clinic-client-\(UInt64.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    var socketPath: String { directory + "/clinic.sock" }
    var address: Address { .unix(path: socketPath) }
    var arrivals: [ReceivedCall] { arrived.withLock { $0 } }

    /// Serves these methods while the body runs.
    func serving(
        _ registration: (inout Registrar) -> Void, during body: () async throws -> Void
    ) async throws {
        var registrar = Registrar(clinic: self)
        registration(&registrar)
        let server = Server(
            router: registrar.table, wire: .ttrpc, group: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test"))
        _ = try await server.listen(on: address)
        try await withCleanup(server.shutdown, body)
    }

    /// Records a call and returns how many were received so far.
    fileprivate func record(_ arrival: ReceivedCall) -> Int {
        arrived.withLock { arrived in
            arrived.append(arrival)
            return arrived.count
        }
    }
}

/// Registers handlers that also get the number of calls received so far.
struct Registrar {
    fileprivate let clinic: TestClinic
    fileprivate var table = Router()

    mutating func on<Request, Response>(
        _ method: ProtobufC.Method<Request, Response>,
        _ handler: @escaping @Sendable (Request, Int) async throws -> Response
    ) {
        let clinic = clinic
        table.register(method) { call in
            let arrival = ReceivedCall(
                method: call.method, metadata: call.metadata, connection: "\(call.peer.connection)")
            return try await handler(try call.request(), clinic.record(arrival))
        }
    }
}

/// Forwards bytes between clients and a server; closes the first `count` connections when the server's response
/// arrives.
final class Relay: Sendable {
    let address: Address
    private let channel: any Channel

    init(before clinic: TestClinic, losingResponses count: Int) async throws {
        let path = clinic.directory + "/relay.sock"
        let target = clinic.socketPath
        let losses = LossCounter(count)
        address = .unix(path: path)
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { near in
                let toServer = Forwarder()
                return near.pipeline.addHandler(toServer).flatMap {
                    ClientBootstrap(group: near.eventLoop)
                        .channelInitializer { far in far.pipeline.addHandler(Forwarder(to: near, losses)) }
                        .connect(unixDomainSocketPath: target)
                }.map { far in toServer.open(to: far) }
            }
            .bind(unixDomainSocketPath: path).get()
    }

    func stop() async throws {
        try await channel.close()
    }
}

/// How many responses are still to be dropped.
final class LossCounter: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { left = Mutex(count) }

    func takesOne() -> Bool {
        left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }
}

/// One direction of a relayed connection. Confined to one event loop.
private final class Forwarder: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private var target: (any Channel)?
    private var waiting: [ByteBuffer] = []
    private let losses: LossCounter?

    init(to target: (any Channel)? = nil, _ losses: LossCounter? = nil) {
        self.target = target
        self.losses = losses
    }

    func open(to target: any Channel) {
        self.target = target
        for buffer in waiting { target.writeAndFlush(buffer, promise: nil) }
        waiting = []
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let losses, losses.takesOne() {
            target?.close(promise: nil)
            context.close(promise: nil)
        } else if let target {
            target.writeAndFlush(unwrapInboundIn(data), promise: nil)
        } else {
            waiting.append(unwrapInboundIn(data))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        target?.close(promise: nil)
    }
}
