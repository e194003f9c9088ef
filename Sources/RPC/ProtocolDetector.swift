// Tells the protocol of a connection from its first byte: 0 is the length of a frame of ttrpc, a letter the beginning of HTTP. The
// handler of that protocol takes its place, so that calls cost nothing more than on a listener with one protocol.

internal import NIOCore

/// Waits for the first byte of a channel.
final class ProtocolDetector: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// What became of the channel.
    enum Decision {
        case connection(ServerConnection)
        /// No protocol begins with that byte.
        case unknown
        /// No byte came in time.
        case idle
        case closed
    }

    private let patience: TimeAmount
    private let choose: (UInt8) -> ServerConnection?
    private let onDecision: (Decision) -> Void
    private var timer: Scheduled<Void>?
    private var isDecided = false

    /// - Parameters:
    ///   - patience: how long the first byte may take.
    ///   - choose: makes the handler of the protocol that begins with a byte.
    init(
        patience: TimeAmount, choose: @escaping (UInt8) -> ServerConnection?,
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
        let bytes = unwrapInboundIn(data)
        guard !isDecided, let first: UInt8 = bytes.getInteger(at: bytes.readerIndex) else {
            if isDecided { context.fireChannelRead(data) }
            return
        }
        guard let connection = choose(first) else {
            decide(.unknown)
            return context.close(promise: nil)
        }
        do {
            try context.pipeline.syncOperations.addHandler(connection, position: .after(self))
        } catch {
            return context.close(promise: nil)
        }
        decide(.connection(connection))
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
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
