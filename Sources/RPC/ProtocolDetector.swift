// Tells the protocol of a connection from its first bytes: 0 is the length of a frame of ttrpc, "PRI " the preface of HTTP/2, another
// letter a request of HTTP/1.1. The handler of that protocol takes its place, so that calls cost nothing more than on a listener with
// one protocol.

internal import NIOCore

/// Waits for the first bytes of a channel.
final class ProtocolDetector: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// What became of the channel.
    enum Decision {
        case connection(ServerConnection)
        /// No protocol begins with those bytes.
        case unknown
        /// They did not come in time.
        case idle
        case closed
    }

    /// What the first bytes tell.
    enum Choice {
        case connection(ServerConnection)
        case none
        case needsMoreBytes
    }

    private let patience: TimeAmount
    private let choose: (ByteBufferView) -> Choice
    private let onDecision: (Decision) -> Void
    private var timer: Scheduled<Void>?
    private var isDecided = false
    /// The bytes that do not tell enough yet: fewer than the longest beginning of a protocol.
    private var first = ByteBuffer()

    /// - Parameters:
    ///   - patience: how long the first bytes may take.
    ///   - choose: makes the handler of the protocol that begins with them.
    init(
        patience: TimeAmount, choose: @escaping (ByteBufferView) -> Choice,
        onDecision: @escaping (Decision) -> Void
    ) {
        self.patience = patience
        self.choose = choose
        self.onDecision = onDecision
    }

    func handlerAdded(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: patience) {
            self.decide(.idle)
            context.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { decide(.closed) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDecided else { return context.fireChannelRead(data) }
        first.writeImmutableBuffer(unwrapInboundIn(data))
        guard first.readableBytes > 0 else { return }
        switch choose(first.readableBytesView) {
        case .needsMoreBytes: break
        case .none:
            decide(.unknown)
            context.close(promise: nil)
        case .connection(let connection):
            do {
                try context.pipeline.syncOperations.addHandler(connection, position: .after(self))
            } catch {
                return context.close(promise: nil)
            }
            decide(.connection(connection))
            context.fireChannelRead(wrapInboundOut(first))
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !isDecided, let event = event as? ChannelEvent, event == .inputClosed {
            return context.close(promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func decide(_ decision: Decision) {
        guard !isDecided else { return }
        isDecided = true
        timer?.cancel()
        timer = nil
        onDecision(decision)
    }
}
