// A client that does not read responses: the server stops reading its requests before memory use grows, and
// continues when the client reads again.

import NIOCore
import NIOPosix
import OpenSSL
import ProtobufC
import RPC
import RPCMessages
import Synchronization
import TTRPCMessages
import TestWaiting
import Testing

struct StalledPeerTests {
    /// Counts received bytes.
    private final class ByteCounter: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let bytes: SharedCount

        init(_ bytes: SharedCount) { self.bytes = bytes }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes.add(unwrapInboundIn(data).readableBytes)
        }
    }

    private final class SharedCount: Sendable {
        private let value = Atomic<Int>(0)

        var count: Int { value.load(ordering: .relaxed) }
        func add(_ count: Int) { value.wrappingAdd(count, ordering: .relaxed) }
    }

    @Test func `the server stops reading from a peer that does not read, and later sends it everything`()
        async throws
    {
        let (calls, letters) = (1000, 100_000)
        let authority = try await TestAuthority.shared
        try await SecureServer.with(SecureServer.context()) { server in
            let context = try TLSContext(authorities: authority.authorities)
            let received = SharedCount()
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "127.0.0.1", port: server.port)
                .flatMapThrowing { channel in
                    try context.secure(channel, host: "localhost").flatMapThrowing { _ in
                        try channel.pipeline.syncOperations.addHandler(ByteCounter(received))
                        try channel.syncOptions?.setOption(.autoRead, value: false)
                    }.map { channel }
                }.flatMap { $0 }.get()
            let request = TTRPCRequest(
                service: TestMethods.letters.service, method: TestMethods.letters.name,
                payload: HealthCheckRequest(service: "\(letters)").encoded())
            var bytes = ByteBuffer()
            for number in 0..<calls {
                let body = request.encoded()
                bytes.writeMultipleIntegers(
                    UInt32(body.count), UInt32(number * 2 + 1), 1 as UInt8, 0 as UInt8)
                bytes.writeBytes(body)
            }
            channel.writeAndFlush(bytes, promise: nil)

            var (seen, unchanged) = (0, 0)
            while unchanged < 30 {
                try await Task.sleep(for: .milliseconds(10))
                unchanged = server.served.count > 0 && server.served.count == seen ? unchanged + 1 : 0
                seen = server.served.count
            }
            // The buffers of the two sockets hold a few megabytes.
            #expect(seen < calls / 2, "\(seen)")

            try await channel.setOption(.autoRead, value: true).get()
            try await eventually("all responses") { received.count >= calls * letters }
            #expect(server.served.count == calls)
            try await channel.close()
        }
    }
}
