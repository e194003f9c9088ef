// Both ends of a TLS connection without a socket: the test moves the encrypted bytes and may split or corrupt them.
// Everything runs on one thread, so the order of steps is deterministic.

import NIOCore
import NIOEmbedded
import OpenSSL

/// A client and a server.
final class TLSPair {
    /// Records the events that one end passes to the handlers above it.
    final class EventRecorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var received: [UInt8] = []
        var inputClosed = 0
        var errors: [TLSError] = []
        var isInactive = false

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += unwrapInboundIn(data).readableBytesView
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let event = event as? ChannelEvent, event == .inputClosed { inputClosed += 1 }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let error = error as? TLSError { errors.append(error) }
        }

        func channelInactive(context: ChannelHandlerContext) { isInactive = true }
    }

    /// Handles closing the output only, which an embedded channel does not support.
    private final class HalfCloser: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            if mode == .output { promise?.succeed() } else { context.close(mode: mode, promise: promise) }
        }
    }

    /// One end.
    struct End {
        let channel: EmbeddedChannel
        let recorder = EventRecorder()
        let secured: Outcome

        /// The result of the handshake.
        final class Outcome {
            var result: Result<CertificateNames?, any Error>?
            var error: TLSError? {
                if case .failure(let error)? = result { error as? TLSError } else { nil }
            }
        }

        init(_ context: TLSContext, host: String?, staysOpen: Bool) throws {
            let (outcome, recorder) = (Outcome(), recorder)
            let channel = EmbeddedChannel(handler: HalfCloser())
            self.channel = channel
            secured = outcome
            try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: staysOpen)
            try context.secure(channel, host: host).assumeIsolated().whenComplete { result in
                outcome.result = result
                guard case .success = result else { return }
                try? channel.pipeline.syncOperations.addHandler(recorder)
            }
        }

        var isSecure: Bool { if case .success? = secured.result { true } else { false } }

        /// The pending outgoing writes.
        func outgoing() throws -> [ByteBuffer] {
            var writes: [ByteBuffer] = []
            while let bytes = try channel.readOutbound(as: ByteBuffer.self) {
                if bytes.readableBytes > 0 { writes.append(bytes) }
            }
            return writes
        }
    }

    let client: End
    let server: End
    /// How many bytes were moved to the client.
    private(set) var bytesToClient = 0

    init(client: TLSContext, server: TLSContext, host: String = "localhost", staysOpen: Bool = true) throws {
        self.server = try End(server, host: nil, staysOpen: staysOpen)
        self.client = try End(client, host: host, staysOpen: staysOpen)
        for end in [self.server, self.client] {
            try end.channel.connect(to: SocketAddress(unixDomainSocketPath: "/test")).wait()
        }
    }

    deinit {
        _ = try? client.channel.finish(acceptAlreadyClosed: true)
        _ = try? server.channel.finish(acceptAlreadyClosed: true)
    }

    /// Moves bytes in both directions until none are pending.
    func transfer(in pieces: (ByteBuffer) throws -> [ByteBuffer] = { [$0] }) throws {
        while true {
            let (toServer, toClient) = (try client.outgoing(), try server.outgoing())
            if toServer.isEmpty, toClient.isEmpty { return }
            bytesToClient += toClient.reduce(0) { $0 + $1.readableBytes }
            for bytes in try toServer.flatMap(pieces) { try server.channel.writeInbound(bytes) }
            for bytes in try toClient.flatMap(pieces) { try client.channel.writeInbound(bytes) }
        }
    }
}
